-- Announce that slices are made up to $2. Those who begin to write afterwards mark what is late for them. $1 is the
-- watermark of the rollup of minutes.
update sliced
set
  first = coalesce(first, $1::timestamptz),
  announced = greatest(announced, $2::timestamptz)
