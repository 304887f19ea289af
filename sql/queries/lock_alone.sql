-- Keep other replicas from working on this schema until unlock_alone, outside of any transaction. It is another lock
-- than that of lock_schema, which is taken meanwhile.
select pg_advisory_lock(hashtextextended('taktline alone ' || current_setting('search_path'), 0))
