-- Begin a transaction that writes readings, and show that until its end. The statements after this one see what was
-- committed before it, such as the time that is announced in "sliced".
begin;
select pg_advisory_xact_lock_shared(hashtextextended('taktline writing ' || current_setting('search_path'), 0))
