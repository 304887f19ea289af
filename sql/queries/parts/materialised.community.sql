-- The exact buckets of one size in a period up to which they are materialised: those of the rollup, except where late
-- readings came, and for these the result of late_buckets(). "not in" is computed with a hash table in any case. "not
-- exists" would be a join, for which statistics from before an import can suggest a nested loop.
select :columns
from :materialised
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
