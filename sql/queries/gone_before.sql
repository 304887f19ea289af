-- Whether there were readings on the days (UTC) from $1 up to $2, of which only the rollups are kept: of the series in $3
-- or, where that is null, of any.
select exists (
  select
  from day_materialised
  where bucket >= time_bucket(interval '1 day', $1::timestamptz)
    and bucket < $2::timestamptz
    and ($3::text[] is null or series = any($3::text[]))
)
