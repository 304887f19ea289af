-- The notes of a period, the oldest first, at most $4 of them: of the series in $3 or, where that is null, of all.
select
  ts,
  series,
  attributes ->> 'note' as note
from reading
where ts >= $1::timestamptz
  and ts < $2::timestamptz
  and plan is null
  and fact is null
  and attributes ? 'note'
  and ($3::text[] is null or series = any($3::text[]))
order by ts, id
limit $4::integer
