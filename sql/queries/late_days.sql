-- The marks of late readings for each day that has any, oldest day first. Marks of the last few minutes are left for
-- later, since no refresh comes so close to the present.
select
  array_agg(bucket) as buckets,
  array_agg(version) as versions,
  min(bucket) as first,
  max(bucket) as last
from late_minute
where bucket < now() - interval '3 minutes'
group by time_bucket(interval '1 day', bucket)
order by min(bucket)
limit 50
