-- no-transaction
call refresh_continuous_aggregate('quarter_total', null, now() - interval '1 hour');
