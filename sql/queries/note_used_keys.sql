-- Note that these keys were used within the last minute.
update access_key
set used_at = now()
where id = any($1::bigint[])
