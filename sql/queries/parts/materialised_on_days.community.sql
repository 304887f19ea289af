-- The exact buckets of one size that lie on the days (UTC) in $7, in a period up to which days are materialised.
select :columns
from buckets_of_days(':rollup', $7::timestamptz[]) of_days
where bucket >= :first
  and bucket < :until
  and bucket not in (
    select :late_bucket
    from late_minute
    where late_minute.bucket >= :first
      and late_minute.bucket < :until
  )
union all
select :columns
from late_buckets(interval ':width', :first, :until)
where time_bucket(interval '1 day', bucket) = any($7::timestamptz[])
