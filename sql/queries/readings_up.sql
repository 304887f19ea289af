-- Readings in a period, the oldest first, after the place ($4, $5) where one is given. Whoever asks knows both
-- bounds closely, since only then are the other days' chunks left alone.
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
  and ($4::timestamptz is null or (ts, id) > ($4::timestamptz, $5::bigint))
order by ts, id
limit $6::bigint
offset $7::bigint
