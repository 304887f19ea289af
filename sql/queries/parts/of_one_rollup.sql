-- The exact buckets of one size in a period: those of the rollup that no late reading has changed, and the others anew.
select *
from :rollup
where bucket >= $2::timestamptz
  and bucket < $3::timestamptz
  and not exists (select from late_minute where :late_bucket = :rollup.bucket)
union all
select *
from :late($2::timestamptz, $3::timestamptz)
