-- Create the schema of this installation, the first name in the connection's search path, where it doesn't exist.
-- Creating a schema needs a right that the owner of an existing one may lack, and "if not exists" checks that right
-- first.
do $$
declare
  schema text := trim(both '"' from split_part(current_setting('search_path'), ',', 1));
begin
  if not exists (select from pg_namespace where nspname = schema) then
    execute format('create schema if not exists %I', schema);
  end if;
end
$$
