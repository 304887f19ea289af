-- Whether any late reading of a period is marked.
select exists (
  select
  from late_minute
  where bucket >= $1::timestamptz
    and bucket < $2::timestamptz
)
