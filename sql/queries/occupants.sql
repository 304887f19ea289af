-- What has one of the names $2 in the schema $1: relations, and functions.
select
  case relkind when 'v' then 'view' when 'm' then 'materialized view' else 'table' end as kind,
  relname::text as name
from pg_class
where relnamespace = to_regnamespace(quote_ident($1::text))
  and relkind in ('r', 'p', 'v', 'm', 'f')
  and relname = any($2::text[])
union
select 'function', proname::text
from pg_proc
where pronamespace = to_regnamespace(quote_ident($1::text))
  and proname = any($2::text[])
order by name
