-- The end of the minute of the newest reading of a period, of some series or, where $3 is null, of all: the chart's
-- buckets only tell in which quarter, hour or day it came. The period is one of these, and so a chunk at most is read.
select time_bucket(interval '1 minute', max(ts)) + interval '1 minute' as until
from reading
where ts >= $1::timestamptz
  and ts < $2::timestamptz
  and ($3::text[] is null or series = any($3::text[]))
