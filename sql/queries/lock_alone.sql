-- Keep other replicas from working on this schema until the end of this transaction, while another connection works
-- outside of any. It is another lock than that of lock_schema, which is taken meanwhile; and not a session's, because
-- behind a pooler nobody knows whose session it would be.
select pg_advisory_xact_lock(hashtextextended('taktline alone ' || current_setting('search_path'), 0))
