-- Readings in a period, in the order of time, from the place ($4, $5) on where one is given: the newest first, or the
-- oldest first, as service/store/queries.py fills in. The bounds have to be close, so that no chunks of other days are
-- read.
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
  and ($4::timestamptz is null or (ts, id) :beyond ($4::timestamptz, $5::bigint))
order by ts :order, id :order
limit $6::bigint
offset $7::bigint
