-- Work on this schema alone, outside of any transaction, until unlock_alone. Not the lock of lock_schema: that one is
-- taken meanwhile.
select pg_advisory_lock(hashtextextended('taktline alone ' || current_setting('search_path'), 0))
