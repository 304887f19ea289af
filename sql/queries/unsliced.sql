-- The watermark of the rollup of minutes, the time $1 ago, up to which slices can be made, and whether a replica of an
-- earlier version, which marks nothing as late for slices, has written readings in the last minutes.
select
  at as watermark,
  now() - $1::interval as due,
  exists (
    select
    from committer
    where committer.at > coalesce(sliced_at, '-infinity')
      and committer.at > now() - interval '10 minutes'
  ) as is_unsafe
from watermark
where rollup = 'minute_rollup'
