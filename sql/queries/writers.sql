-- The transactions that are writing readings.
select coalesce(array_agg(virtualtransaction), '{}') as transactions
from pg_locks
cross join hashtextextended('taktline writing ' || current_setting('search_path'), 0) as key
where locktype = 'advisory'
  and database = (select oid from pg_database where datname = current_database())
  and classid = ((key >> 32) & 4294967295)::oid
  and objid = (key & 4294967295)::oid
  and objsubid = 1
  and pid <> pg_backend_pid()
