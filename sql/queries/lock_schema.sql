-- One start at a time changes a schema; held to the end of the transaction.
select pg_advisory_xact_lock(hashtextextended('taktline schema ' || current_setting('search_path'), 0))
