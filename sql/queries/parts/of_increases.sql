-- What counters have risen by in each minute of a period, in the place of the facts: the difference from the value before,
-- which may be of up to 31 days earlier, or the value itself where it is less than that one: then the counter began anew.
-- A counter has a value for each minute, the last one. So what it counted between its last value and its reset is lost, and
-- so is a whole reset if the counter is above the value before by the end of the minute. The first value of a counter says
-- nothing about a rise.
select bucket, series, readings, plan_sum, fact_count, risen as fact_sum
from (
  select
    bucket,
    series,
    readings,
    plan_sum,
    fact_count,
    case
      when fact_last < before then fact_last
      else fact_last - before
    end as risen
  from (
    select
      *,
      -- of the rows without a fact, each goes with the one before that has one
      lag(fact_last) over (partition by series, fact_last is null order by bucket) as before
    from (
      select
        time_bucket(interval '1 minute', bucket) as bucket,
        series,
        sum(readings)::bigint as readings,
        sum(plan_sum) as plan_sum,
        sum(fact_count)::bigint as fact_count,
        last(fact_last, bucket) filter (where fact_last is not null) as fact_last
      from (
        :exact(minute, time_bucket(interval '1 hour', $2::timestamptz), $3::timestamptz, $6) of series, readings, plan_sum, fact_count, fact_last
      ) minute
      group by 1, 2
      union all
      select
        max(bucket),
        series,
        0,
        null,
        0,
        last(fact_last, bucket)
      from (
        :exact(hour, time_bucket(interval '1 hour', $2::timestamptz) - interval '31 days', time_bucket(interval '1 hour', $2::timestamptz), $6) of series, fact_last
      ) hour
      where fact_last is not null
      group by series
    ) value
    where $4::text[] is null or series = any($4::text[])
  ) valued
) rising
where bucket >= $2::timestamptz
