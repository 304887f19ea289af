-- Record that a file of functions was applied, while the last schema file was the one with number $3.
insert into applied_functions (name, sha256, schema_number)
values ($1, $2, $3)
