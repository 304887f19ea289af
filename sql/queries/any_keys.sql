-- Whether there has ever been a key.
select exists (select from access_key)
