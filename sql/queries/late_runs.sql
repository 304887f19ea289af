-- The marks of late readings for each run of days that have any, the oldest first: the oldest $1 marks, and at most $2
-- runs. Marks from $3 on, up to where rollups can be refreshed, are left for later.
select
  array_agg(bucket) as buckets,
  array_agg(version) as versions,
  min(bucket) as first,
  max(bucket) as last
from (
  select
    bucket,
    version,
    time_bucket(interval '1 day', bucket)
      - dense_rank() over (order by time_bucket(interval '1 day', bucket)) * interval '1 day' as run
  from (
    select
      bucket,
      version
    from late_minute
    where bucket < $3::timestamptz
    order by bucket
    limit $1::integer
  ) oldest
) numbered
group by run
order by min(bucket)
limit $2::integer
