-- Add names of series, in the transaction that writes their first readings; some may be there already. They are added in
-- order, so that two transactions can't deadlock.
insert into series (name)
select name
from unnest($1::text[]) as given (name)
order by name collate "C"
on conflict (name) do nothing
