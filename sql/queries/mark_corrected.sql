-- Mark minutes in which readings went or came, up to the minute $3 (all since 1970), like mark_late.sql: those in the
-- ranges of $1, of which there may be several, and those in $2. They are marked by one statement, so that they are locked
-- in order.
insert into late_minute (bucket)
select to_timestamp(60 * minute)
from (
  select minute
  from unnest($1::text[]) as given (spans)
  cross join unnest(spans::int8multirange) as span
  cross join generate_series(lower(span), least(upper(span) - 1, $3::bigint)) as minute
  union
  select minute
  from unnest($2::bigint[]) as given (minute)
  where minute <= $3::bigint
) marked
order by minute
on conflict (bucket) do update set version = default
