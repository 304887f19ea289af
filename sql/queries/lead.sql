-- Take the lead among the replicas of this schema until the end of the transaction, or keep it; false where another one
-- has it.
select pg_try_advisory_xact_lock(hashtextextended('taktline lead ' || current_setting('search_path'), 0))
