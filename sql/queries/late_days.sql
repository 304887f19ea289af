-- Where late readings came: the marks of each day that has any, the oldest first. Those of the last minutes wait: no
-- refresh comes so close to the present.
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
