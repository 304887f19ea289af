-- Whether there is any reading in a period.
select exists (
  select
  from reading
  where ts >= $1::timestamptz
    and ts < $2::timestamptz
)
