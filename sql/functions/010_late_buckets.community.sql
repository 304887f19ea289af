-- The exact content of those buckets of one width in which a minute is marked as late; the period has to consist of
-- whole buckets. Minutes are computed from the readings. Larger buckets are computed from smaller ones, which are
-- computed in the same way where they are marked.
--
-- This is a function and not a part of the queries, since planning a query over all chunks costs more than the result,
-- which is nearly always empty. It reads one run of consecutive buckets after the other, each by a statement that is
-- planned for that run and names the rollup itself, so that TimescaleDB takes into account how far it is materialised:
-- see docs/decisions.
--
-- The functions late_minutes, late_quarters, late_hours, late_days and minutes_due, which files in sql/schema created,
-- aren't used any more, but replicas of the previous version that are still running may call them. A later release
-- drops them.
create or replace function late_buckets(
  width interval,
  first timestamptz default '-infinity',
  until timestamptz default 'infinity'
)
returns setof minute_rollup
-- in UTC a day always has 24 hours, whatever the time zone of the session that reads the views
language plpgsql stable set search_path from current set timezone to 'UTC'
as $$
declare
  smaller regclass := case width when interval '1 day' then 'hour_rollup' else 'minute_rollup' end;
  smaller_width interval := case width when interval '1 day' then interval '1 hour' else interval '1 minute' end;
  run record;
begin
  for run in
    select min(bucket) as first, max(bucket) + width as until
    from (
      select bucket, bucket - row_number() over (order by bucket) * width as island
      from (
        select distinct time_bucket(width, late_minute.bucket) as bucket
        from late_minute
        where late_minute.bucket >= late_buckets.first and late_minute.bucket < late_buckets.until
      ) late
    ) numbered
    group by island
  loop
    if width = interval '1 minute' then
      return query
        select
          time_bucket(interval '1 minute', ts),
          reading.series,
          count(*),
          sum(plan),
          count(plan),
          min(plan),
          max(plan),
          last(plan, ts) filter (where plan is not null),
          sum(fact),
          count(fact),
          min(fact),
          max(fact),
          last(fact, ts) filter (where fact is not null)
        from reading
        where ts >= run.first and ts < run.until
        group by 1, 2;
    else
      return query execute format(
        $query$
          select
            time_bucket($1, bucket),
            series,
            sum(readings)::bigint,
            sum(plan_sum),
            sum(plan_count)::bigint,
            min(plan_min),
            max(plan_max),
            last(plan_last, bucket) filter (where plan_last is not null),
            sum(fact_sum),
            sum(fact_count)::bigint,
            min(fact_min),
            max(fact_max),
            last(fact_last, bucket) filter (where fact_last is not null)
          from (
            select *
            from %1$s rollup
            where bucket >= $3
              and bucket < $4
              and not exists (
                select
                from late_minute
                where late_minute.bucket >= $3
                  and late_minute.bucket < $4
                  and time_bucket($2, late_minute.bucket) = rollup.bucket
              )
            union all
            select *
            from late_buckets($2, $3, $4)
          ) part
          group by 1, 2
        $query$,
        smaller
      ) using width, smaller_width, run.first, run.until;
    end if;
  end loop;
end
$$;
