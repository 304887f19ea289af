-- Is the database there, and does it take writes?
select pg_is_in_recovery()
