-- Mark the minutes of late readings, given as minutes since 1970, in the transaction that writes the readings.
insert into late_minute (bucket)
select to_timestamp(60 * minute)
from unnest($1::bigint[]) as given (minute)
order by minute
on conflict (bucket) do update set version = default
