-- How many committers have written within ten minutes, and how many of these belong to replicas of an earlier version.
select
  count(*) as writing,
  count(*) filter (where at > coalesce(least(series_noted_at, sliced_at), '-infinity')) as earlier
from committer
where at > now() - interval '10 minutes'
