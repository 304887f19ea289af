-- How many readings of one instant come before the place ($1, $2), including the one at that place; newest first if $4.
select count(*)
from reading
where ts = $1::timestamptz
  and case when $4::boolean then id >= $2::bigint else id <= $2::bigint end
  and ($3::text[] is null or series = any($3::text[]))
