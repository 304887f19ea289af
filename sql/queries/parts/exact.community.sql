-- The exact buckets of one size in a period: those of the rollup, except where late readings came, and for these the
-- result of late_buckets().
select :columns
from :rollup
where bucket >= :first
  and bucket < :until
  and not exists (select from late_minute where :late_bucket = :rollup.bucket)
union all
select :columns
from late_buckets(interval ':width', :first, :until)
