-- The exact content of those buckets of one width in which a minute is marked as late; the period has to consist of
-- whole buckets. Minutes are computed from the readings. Larger buckets are computed from smaller ones, which are
-- computed in the same way where they are marked.
--
-- This is a function and not a part of the queries, since planning a query over all chunks costs more than the result,
-- which is nearly always empty. It reads one run of buckets after the other, each by a statement that is planned for
-- that run and names the rollup itself, so that TimescaleDB takes into account how far it is materialised: see
-- docs/decisions.
--
-- A run may have gaps, which are read in vain, because a statement for each island of marks would be too many: an import
-- may mark a thousand minutes far apart. The runs are divided at the widest gaps, into `most` at most.
--
-- "not in" and "(… in …) is true" are computed with a hash table in any case. "exists" and a plain "in" would be joins, for
-- which statistics from before an import can suggest a nested loop.
--
-- What the rollups are taken to have is what the calling query sees of them: the watermarks are read from the catalog.
-- TimescaleDB itself goes by the newest ones when it plans the statements in here, so that a refresh which has ended since
-- the query began would hide what it has materialised, which the query can't see yet. What lies beyond the watermarks comes
-- from smaller buckets and the readings.
--
-- The functions late_minutes, late_quarters, late_hours, late_days and minutes_due, which files in sql/schema created,
-- aren't used any more, but replicas of the previous version that are still running may call them. A later release
-- drops them.
create or replace function late_runs(width interval, first timestamptz, until timestamptz, most integer)
returns table (starts timestamptz, ends timestamptz)
language sql stable set search_path from current set timezone to 'UTC'
as $$
  select min(bucket), max(bucket) + width
  from (
    select bucket, count(*) filter (where place <= most) over (order by bucket) as run
    from (
      select bucket, case when gap > width or gap is null then row_number() over (order by gap desc, bucket) end as place
      from (
        select bucket, bucket - lag(bucket) over (order by bucket) as gap
        from (
          select distinct time_bucket(width, late_minute.bucket) as bucket
          from late_minute
          where late_minute.bucket >= late_runs.first and late_minute.bucket < late_runs.until
        ) late
      ) spaced
    ) ranked
  ) numbered
  group by run
  order by run
$$;

create or replace function late_buckets_in_runs(
  width interval,
  first timestamptz,
  until timestamptz,
  most integer
)
returns setof minute_rollup
-- in UTC a day always has 24 hours, whatever the time zone of the session that reads the views
language plpgsql stable set search_path from current set timezone to 'UTC'
-- of sessions that aren't the service's: a plan for each run, and nothing compiled that runs once; and nobody sorts the
-- millions of readings that there may be in a minute
set plan_cache_mode to force_custom_plan set jit to off set enable_sort to off
as $$
declare
  smaller regclass := case width when interval '1 day' then 'hour_rollup' else 'minute_rollup' end;
  smaller_width interval := case width when interval '1 day' then interval '1 hour' else interval '1 minute' end;
  smaller_upto timestamptz;
  minutes_upto timestamptz;
  run record;
begin
  for run in
    select starts, ends, greatest(1, most / count(*) over ())::integer as share
    from late_runs(width, late_buckets_in_runs.first, late_buckets_in_runs.until, most)
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
        where ts >= run.starts
          and ts < run.ends
          and (
            time_bucket(interval '1 minute', ts) in (
              select late_minute.bucket
              from late_minute
              where late_minute.bucket >= run.starts
                and late_minute.bucket < run.ends
            )
          ) is true
        group by 1, 2;
    else
      if minutes_upto is null then
        select
          max(at) filter (where rollup::text = smaller::text),
          max(at) filter (where rollup = 'minute_rollup')
        into smaller_upto, minutes_upto
        from (
          select
            user_view_name as rollup,
            greatest(_timescaledb_functions.to_timestamp(watermark), timestamptz '0002-01-01 00:00:00+00') as at
          from _timescaledb_catalog.continuous_agg
          join _timescaledb_catalog.continuous_aggs_watermark using (mat_hypertable_id)
          where user_view_schema = current_schema()
        ) watermarks;
      end if;
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
              and bucket < least($4, $6)
              and (
                time_bucket($1, bucket) in (
                  select time_bucket($1, late_minute.bucket)
                  from late_minute
                  where late_minute.bucket >= $3
                    and late_minute.bucket < $4
                )
              ) is true
              and bucket not in (
                select time_bucket($2, late_minute.bucket)
                from late_minute
                where late_minute.bucket >= $3
                  and late_minute.bucket < $4
              )
            union all
            select *
            from late_buckets_in_runs($2, $3, least($4, $6), $5)
            %2$s
            union all
            select
              time_bucket(interval '1 minute', ts),
              series,
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
            where ts >= greatest($3, $6, $7)
              and ts < $4
              and (
                time_bucket($1, ts) in (
                  select time_bucket($1, late_minute.bucket)
                  from late_minute
                  where late_minute.bucket >= $3
                    and late_minute.bucket < $4
                )
              ) is true
            group by 1, 2
          ) part
          group by 1, 2
        $query$,
        smaller,
        case
          when width = interval '1 day' then
            $minutes$
              union all
              select *
              from minute_rollup
              where bucket >= greatest($3, $6)
                and bucket < least($4, $7)
                and (
                  time_bucket($1, bucket) in (
                    select time_bucket($1, late_minute.bucket)
                    from late_minute
                    where late_minute.bucket >= $3
                      and late_minute.bucket < $4
                  )
                ) is true
                and bucket not in (
                  select late_minute.bucket
                  from late_minute
                  where late_minute.bucket >= $3
                    and late_minute.bucket < $4
                )
              union all
              select *
              from late_buckets_in_runs(interval '1 minute', greatest($3, $6), least($4, $7), $5)
            $minutes$
        end
      ) using width, smaller_width, run.starts, run.ends, run.share, smaller_upto, minutes_upto;
    end if;
  end loop;
end
$$;

-- The same in 64 runs or so, however the marks lie.
create or replace function late_buckets(
  width interval,
  first timestamptz default '-infinity',
  until timestamptz default 'infinity'
)
returns setof minute_rollup
language sql stable
begin atomic
  select * from late_buckets_in_runs(width, first, until, 64);
end;
