-- Readings in a period as an export copies them, the oldest first, from the place ($4, $5) on where one is given. All columns
-- but the last have 8 bytes and are never null, so that rows without attributes are of one length, and can be taken apart
-- without a look at each of them. The series is a number: series_of_numbers.sql has the names. NaN stands for a number that
-- isn't there, and is none that can be written. $7 is what makes the numbers of this export.
select
  ts,
  id,
  hashtextextended(series, $7::bigint) as number,
  coalesce(plan, 'NaN') as plan,
  coalesce(fact, 'NaN') as fact,
  attributes
from reading
where ts >= $1::timestamptz
  and ts < $2::timestamptz
  and ($3::text[] is null or series = any($3::text[]))
  and ($4::timestamptz is null or (ts, id) > ($4::timestamptz, $5::bigint))
order by ts, id
limit $6::bigint
