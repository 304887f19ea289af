-- What has to be refreshed since late readings came: for each day with marked minutes the marks, and the windows of
-- the three rollups. No window may come closer to the present than those of the policies in 004; one that is empty
-- then has an end that is not after its beginning.
select
  array_agg(bucket) as buckets,
  array_agg(version) as versions,
  min(bucket) as minutes_from,
  max(bucket) + interval '1 minute' as minutes_until,
  time_bucket(interval '1 hour', min(bucket)) as hours_from,
  least(
    time_bucket(interval '1 hour', max(bucket)) + interval '1 hour',
    time_bucket(interval '1 hour', now() - interval '2 hours')
  ) as hours_until,
  time_bucket(interval '1 day', min(bucket)) as days_from,
  least(
    time_bucket(interval '1 day', min(bucket)) + interval '1 day',
    time_bucket(interval '1 day', now() - interval '2 days')
  ) as days_until
from late_minute
where bucket < now() - interval '3 minutes'
group by time_bucket(interval '1 day', bucket)
order by 3
limit 50
