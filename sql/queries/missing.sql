-- Which of the relations and functions $1 this installation's schema lacks: the first one in the search path, and not
-- whichever schema PostgreSQL would look in next.
with
  here as (select to_regnamespace(split_part(current_setting('search_path'), ',', 1))::oid as schema)
select name
from here
cross join unnest($1::text[]) as needed (name)
where not exists (select from pg_class where relnamespace = here.schema and relname = name)
  and not exists (select from pg_proc where pronamespace = here.schema and proname = name)
order by name
