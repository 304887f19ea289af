-- The watermark of the rollup of minutes, and up to where rollups can be refreshed: to the end of the last minute that
-- was over, $1 ago, and $2 before any transaction began that may still write readings. Whoever begins later marks the
-- readings of that minute as late. A transaction that has lasted a minute writes none: see sql/schema/005_exact.sql.
--
-- Where another user's sessions don't show when their transactions began, it is two minutes ago at the latest.
select
  at as watermark,
  time_bucket(interval '1 minute', least(now() - $1::interval, began - $2::interval, hidden)) as refreshable
from watermark
cross join (
  select
    min(xact_start) filter (where xact_start > now() - interval '1 minute') as began,
    case when bool_or(query = '<insufficient privilege>') then now() - interval '2 minutes' end as hidden
  from pg_stat_activity
  where datname = current_database()
    and backend_type = 'client backend'
    and pid <> pg_backend_pid()
) others
where rollup = 'minute_rollup'
