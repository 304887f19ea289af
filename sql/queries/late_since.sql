-- The marks of late readings up to $1, in minutes that no rollup has materialised yet.
select
  coalesce(array_agg(bucket), '{}') as buckets,
  coalesce(array_agg(version), '{}') as versions
from late_minute
where bucket >= (select max(at) from watermark)
  and bucket < $1::timestamptz
