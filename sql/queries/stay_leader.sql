-- Let the server end the leader's transaction where it hears nothing of the leader for 20 seconds, and not because of the
-- transaction's age.
select
  set_config('idle_in_transaction_session_timeout', '20s', true),
  case
    when current_setting('server_version_num')::integer >= 170000 then set_config('transaction_timeout', '0', true)
  end
