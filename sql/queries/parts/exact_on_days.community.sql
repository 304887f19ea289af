-- The exact buckets of one size in a period that lie on the days (UTC) in $6.
select :columns
from buckets_of_days(':rollup', $6::timestamptz[]) of_days
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
where time_bucket(interval '1 day', bucket) = any($6::timestamptz[])
