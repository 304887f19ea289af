-- What is committed, as text that differs whenever a transaction that wrote anything has ended since, or the server
-- was started anew: what it had not yet written to its disk then might otherwise pass for something else.
select concat_ws(' ', pg_current_snapshot(), pg_postmaster_start_time())
