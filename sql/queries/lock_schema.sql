-- Let only one starting service at a time change a schema. The lock is held until the end of the transaction.
select pg_advisory_xact_lock(hashtextextended('taktline schema ' || current_setting('search_path'), 0))
