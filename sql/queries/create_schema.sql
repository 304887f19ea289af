-- The schema of this installation: the first name of the search path that is set for the connection.
do $$
begin
  execute format('create schema if not exists %I', trim(both '"' from split_part(current_setting('search_path'), ',', 1)));
end
$$
