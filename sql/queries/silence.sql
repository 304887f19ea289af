-- For how long no fact has come although something was planned: of each series in $4 or, where that is null, of each there
-- is, or of all together under an empty name unless $6; those in $9 also where nothing was read of them. Readings are
-- looked at from $1 on; $2 is the beginning of the running minute. $5 is what upto.sql has returned.
--
-- A minute with a plan stands for the time up to the next one, but for no longer than is usual between two of them, and
-- for an hour at most: so plans may be given by the minute or by the hour, and a break is no time in which something is
-- planned. Plans up to $3, which lie ahead, tell what is usual. Where no plan comes after the newest fact, there is none or
-- it comes along with the facts, and it says nothing of when they should come: all the time counts. In any case only time
-- within the spans from $7 to $8 counts.
--
-- "is_due" says whether the time just before $2 counts as well.
with
  minute as (
    select
      case when $6::boolean then series else '' end as name,
      time_bucket(interval '1 minute', bucket) as minute,
      bool_or(plan_sum <> 0) as is_planned,
      bool_or(fact_count > 0) as has_fact
    from (
      :exact(minute, $1::timestamptz, $3::timestamptz, $5) of series, plan_sum, fact_count
    ) exact
    where $4::text[] is null
      or series = any($4::text[])
    group by 1, 2
  ),
  who as (
    select name
    from minute
    where minute <= $2::timestamptz
    union
    select unnest($9::text[])
    where $6::boolean
    union
    select ''
    where not $6::boolean
  ),
  newest as (
    select
      who.name,
      max(minute) filter (where has_fact and minute <= $2::timestamptz) + interval '1 minute' as newest
    from who
    left join minute using (name)
    group by who.name
  ),
  planned as (
    select
      name,
      minute,
      lead(minute) over (partition by name order by minute) as next
    from minute
    where is_planned
  ),
  usual as (
    select
      name,
      least(percentile_disc(0.5) within group (order by next - minute), interval '1 hour') as gap
    from planned
    where next is not null
    group by name
  ),
  by_plan as (
    select
      name,
      greatest(minute, newest) as first,
      least(minute + coalesce(gap, interval '1 minute'), next, $2::timestamptz) as last
    from planned
    join newest using (name)
    left join usual using (name)
  ),
  counting as (
    select *
    from by_plan
    union all
    select
      name,
      coalesce(newest, $1::timestamptz) as first,
      $2::timestamptz as last
    from newest
    where not exists (
      select
      from planned
      where planned.name = newest.name
        and (newest is null or minute >= newest)
    )
  ),
  counted as (
    select
      name,
      greatest(counting.first, span.first) as first,
      least(counting.last, span.last) as last
    from counting
    join unnest($7::timestamptz[], $8::timestamptz[]) as span (first, last)
      on span.first < counting.last
      and span.last > counting.first
    where counting.first < counting.last
  )
select
  newest.name,
  newest.newest,
  min(counted.first) as since,
  coalesce(sum(counted.last - counted.first), interval '0') as lasted,
  coalesce(max(counted.last) = $2::timestamptz, false) as is_due
from newest
left join counted using (name)
group by newest.name, newest.newest
order by newest.name
