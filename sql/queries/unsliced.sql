-- The watermark of the rollup of minutes, the time of this statement, the first reading that was late for the slices, and
-- whether a replica of an earlier version, which marks nothing as late for slices, has written readings in the last
-- minutes.
select
  at as watermark,
  now() as now,
  (select min(since) from late_slice) as late,
  exists (
    select
    from committer
    where committer.at > coalesce(sliced_at, '-infinity')
      and committer.at > now() - interval '10 minutes'
  ) as is_unsafe
from watermark
where rollup = 'minute_rollup'
