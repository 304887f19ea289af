-- How many readings there are in a period, counted up to $3.
select count(*)
from (
  select
  from reading
  where ts >= $1::timestamptz
    and ts < $2::timestamptz
  limit $3::bigint
) counted
