-- A text that changes whenever a transaction that wrote anything has ended. It also changes when the server is
-- restarted, because after a crash that lost unwritten transactions the same snapshot might otherwise stand for other
-- data.
select concat_ws(' ', pg_current_snapshot(), pg_postmaster_start_time())
