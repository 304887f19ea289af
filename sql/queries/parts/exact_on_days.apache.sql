-- The exact buckets of one size in a period that lie on the days (UTC) in $6.
select :columns
from buckets_of_days(':rollup', $6::timestamptz[])
where bucket >= :first
  and bucket < :until
