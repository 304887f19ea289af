-- Let other replicas work on this schema again: see lock_alone.
select pg_advisory_unlock(hashtextextended('taktline alone ' || current_setting('search_path'), 0))
