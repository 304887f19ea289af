-- The schema of this installation: the first name of the search path that is set for the connection. Only where there
-- is none: to create one takes a right that its owner may well lack, and "if not exists" asks for that right first.
do $$
declare
  schema text := trim(both '"' from split_part(current_setting('search_path'), ',', 1));
begin
  if not exists (select from pg_namespace where nspname = schema) then
    execute format('create schema if not exists %I', schema);
  end if;
end
$$
