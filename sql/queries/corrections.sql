-- The newest $6 corrections, with ids below $5 unless that is null, of something from $1 up to $2: of one of the series
-- $3 or, where that is null, of any; and of those all of whose series match one of the LIKE patterns in $4 or, where that
-- is null, of all.
select id, at, by, series, first, until, field, removed, changed, written, batch
from correction
where until > $1::timestamptz
  and first < $2::timestamptz
  and ($3::text[] is null or series && $3::text[])
  and (
    $4::text[] is null
    or not exists (select from unnest(series) as named (name) where not name like any($4::text[]))
  )
  and ($5::bigint is null or id < $5::bigint)
order by id desc
limit $6::integer
