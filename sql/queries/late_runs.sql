-- The marks of late readings for each run of days that have any, the oldest first: the oldest $1 marks, and at most $2
-- runs. Marks of the last few minutes are left for later, since no refresh comes so close to the present.
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
    where bucket < now() - interval '3 minutes'
    order by bucket
    limit $1::integer
  ) oldest
) numbered
group by run
order by min(bucket)
limit $2::integer
