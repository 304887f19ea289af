-- The time of the newest reading with a fact in a period, of the series in $3 or, where that is null, of all series.
-- The buckets of a chart only tell in which minute, quarter of an hour, hour or day it lies. The period is one of
-- these, so that at most one chunk is read.
select max(ts) as ts
from reading
where ts >= $1::timestamptz
  and ts < $2::timestamptz
  and fact is not null
  and ($3::text[] is null or series = any($3::text[]))
