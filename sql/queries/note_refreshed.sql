-- Note that the rollups have all that the readings before $1 say, whose marks aren't needed any more. From now on nobody
-- refreshes what lies before.
with
  cleared as (
    delete from late_minute
    where bucket < $1::timestamptz
  )
update kept
set refreshed = greatest(refreshed, $1::timestamptz)
