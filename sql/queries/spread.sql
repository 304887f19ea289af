-- How the readings of a period are spread over its buckets; the period consists of whole buckets of one size. Readings
-- are numbered from 0 in the order of the page, newest first if $6. Returns the number of all readings, and of the
-- buckets with the readings number $4 and number $5 or, if there are fewer, the last one: when it begins, how many
-- readings come before it, and how many are in it. $7 is what upto.sql has returned. It reads only the exact buckets.
select
  coalesce(max(total), 0)::bigint as total,
  min(bucket) filter (where has_first) as first_bucket,
  (min(before) filter (where has_first))::bigint as first_before,
  (min(readings) filter (where has_first))::bigint as first_readings,
  min(bucket) filter (where has_last) as last_bucket,
  (min(before) filter (where has_last))::bigint as last_before,
  (min(readings) filter (where has_last))::bigint as last_readings
from (
  select
    *,
    before <= $4::bigint and $4::bigint < before + readings as has_first,
    before <= least($5::bigint, total - 1) and least($5::bigint, total - 1) < before + readings as has_last
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
) found
