-- What is committed, as text that differs whenever a transaction that wrote anything has ended since.
select pg_current_snapshot()::text
