-- The exact buckets of a period, all of one size.
:exact(:size, $2::timestamptz, $3::timestamptz, $6) of :columns
