-- The notes of a period, the oldest first, at most $4 of them: of the series in $3 or, where that is null, of all.
--
-- `offset 0` keeps the readings from being joined with those of the period, all of which would be read for that.
select
  noted.ts,
  noted.series,
  said.note
from noted
cross join lateral (
  select id, attributes ->> 'note' as note
  from reading
  where ts = noted.ts
    and ts >= $1::timestamptz
    and ts < $2::timestamptz
    and series = noted.series
    and plan is null
    and fact is null
    and attributes ? 'note'
  offset 0
) said
where noted.ts >= $1::timestamptz
  and noted.ts < $2::timestamptz
  and ($3::text[] is null or noted.series = any($3::text[]))
order by noted.ts, said.id
limit $4::integer
