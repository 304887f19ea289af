-- How the readings of a period are spread over its buckets; the period consists of whole buckets of one size. Readings
-- are numbered from 0 in the order of the page, newest first if $6. Returns the number of all readings, the bucket of
-- the reading with number $4, how many readings come before that bucket, and the bucket of the reading with number $5
-- or, if there are fewer, the last one. $7 is what upto.sql has
-- returned. It reads only the exact buckets.
select
  coalesce(max(total), 0)::bigint as total,
  min(bucket) filter (where before <= $4::bigint and $4::bigint < before + readings) as bucket,
  coalesce(min(before) filter (where before <= $4::bigint and $4::bigint < before + readings), 0)::bigint as before,
  case
    when $6::boolean then min(bucket) filter (where before <= $5::bigint)
    else max(bucket) filter (where before <= $5::bigint)
  end as last_bucket
from (
  select
    bucket,
    readings,
    total,
    case when $6::boolean then total - upto else upto - readings end as before
  from (
    select
      bucket,
      readings,
      sum(readings) over (order by bucket) as upto,
      sum(readings) over () as total
    from (
      select
        time_bucket(interval ':width', bucket) as bucket,
        sum(readings) as readings
      from (
        :exact(:size, $1::timestamptz, $2::timestamptz, $7) of series, readings
      ) exact
      where $3::text[] is null or series = any($3::text[])
      group by 1
    ) counted
  ) running
) placed
