-- Keep a secret, unless there is one of this name.
insert into secret (name, value)
values ($1::text, $2::bytea)
on conflict (name) do nothing
