-- Up to where what comes after $1, the watermark of the rollup of minutes, can be read from slices: to where there are
-- some, but to the slice that late readings belong to at most. It is $1 where there are none. And from when on readings
-- and rollups are kept, by the same snapshot.
select
  greatest(
    $1::timestamptz,
    case
      when upto is null or first > $1::timestamptz then null
      when late is null then upto
      else least(upto, (select coalesce(max(bucket), '-infinity') from slice where bucket <= late))
    end
  ) as upto,
  kept.readings,
  kept.minutes,
  kept.quarters,
  kept.hours,
  kept.days
from sliced
cross join kept
cross join (
  select min(since) as late
  from late_slice
) marked
