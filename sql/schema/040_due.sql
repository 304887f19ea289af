-- What is due: plan against fact per minute, as totals, the worst minute and whatever else compares the two see them.
--
-- A minute that is over at `moment` is due. Plan of minutes that aren't due counts nowhere, and neither does their fact:
-- what is compared is of the same minutes, so that the running one looks neither behind nor ahead. A minute that is due
-- and has a plan but no fact is missed by all of it: `fact` is 0 there, and null only where there is no plan either.
--
-- Over the series in `names`, or all of them where that is null; `first` and `until` are whole minutes. From the exact
-- buckets, those of reading_minute, that of `readings` for minutes that aren't due as well.
create function minutes_due(first timestamptz, until timestamptz, names text[], moment timestamptz)
returns table (
  bucket timestamptz,
  is_due boolean,
  readings bigint,
  plan double precision,
  fact double precision
)
language plpgsql stable set search_path from current set plan_cache_mode = force_custom_plan
as $$
begin
  return query
    select
      counted.bucket,
      counted.bucket + interval '1 minute' <= moment,
      counted.readings,
      case when counted.bucket + interval '1 minute' <= moment then counted.plan end,
      case
        when counted.bucket + interval '1 minute' > moment then null
        when counted.plan is not null then coalesce(counted.fact, 0)
        else counted.fact
      end
    from (
      select
        exact.bucket,
        sum(exact.readings)::bigint as readings,
        sum(exact.plan_sum) as plan,
        sum(exact.fact_sum) as fact
      from (
        select minute.bucket, minute.series, minute.readings, minute.plan_sum, minute.fact_sum
        from minute_rollup minute
        where minute.bucket >= first
          and minute.bucket < minutes_due.until
          and not exists (select from late_minute late where late.bucket = minute.bucket)
        union all
        select minute.bucket, minute.series, minute.readings, minute.plan_sum, minute.fact_sum
        from late_minutes(first, minutes_due.until) minute
      ) exact
      where names is null or exact.series = any(names)
      group by exact.bucket
    ) counted;
end
$$;
