-- Whether the database is a read-only replica; that there is an answer at all shows that it is available.
select pg_is_in_recovery()
