-- Record that a schema file was applied.
insert into migration (number, name, sha256)
values ($1, $2, $3)
