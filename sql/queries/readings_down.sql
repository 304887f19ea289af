-- The readings of a period, newest first, after the place ($4, $5) if there is one. The period should be short, since
-- chunks of other days aren't read then.
select
  ts,
  id,
  series,
  plan,
  fact,
  attributes
from reading
where ts >= $1::timestamptz
  and ts < $2::timestamptz
  and ($3::text[] is null or series = any($3::text[]))
  and ($4::timestamptz is null or (ts, id) < ($4::timestamptz, $5::bigint))
order by ts desc, id desc
limit $6::bigint
offset $7::bigint
