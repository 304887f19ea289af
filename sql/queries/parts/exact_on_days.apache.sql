-- The exact buckets of one size in a period that lie on the days (UTC) in $7.
select :columns
from buckets_of_days(':rollup', $7::timestamptz[])
where bucket >= :first
  and bucket < :until
