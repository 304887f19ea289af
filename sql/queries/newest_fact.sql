-- When the newest reading with a fact came within a period, of some series or, where $3 is null, of all: the buckets of a
-- chart only tell in which minute, quarter, hour or day. The period is one of these, and so a chunk at most is read.
select max(ts) as ts
from reading
where ts >= $1::timestamptz
  and ts < $2::timestamptz
  and fact is not null
  and ($3::text[] is null or series = any($3::text[]))
