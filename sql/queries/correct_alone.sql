-- Whether this transaction is the only one that corrects readings. It doesn't wait for another one, since waiting would
-- take from its time, and keep rollups from being refreshed.
select pg_try_advisory_xact_lock(hashtextextended('taktline correcting ' || current_setting('search_path'), 0)) as alone
