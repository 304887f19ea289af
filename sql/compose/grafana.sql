-- The role as which Grafana of docker-compose.yml reads: readings, rollups and corrections, and neither keys nor secrets.
-- psql runs this at each start of the profile `observability`, as the superuser, after the schema was brought up to date.
\set grafana `cat /passwords/grafana/password`
\getenv schema GRAFANA_SCHEMA

select not exists (select from pg_roles where rolname = 'grafana') as missing \gset
\if :missing
create role grafana;
\endif

alter role grafana with login nosuperuser nocreatedb nocreaterole password :'grafana';
alter role grafana set search_path = :"schema", public;
alter role grafana set default_transaction_read_only = on;
alter role grafana set statement_timeout = '30s';

grant usage on schema :"schema" to grafana;
select format('grant select on %I.%I to grafana', :'schema', relname)
from pg_class
where relnamespace = to_regnamespace(quote_ident(:'schema'))
  and relkind in ('r', 'v', 'm', 'p')
  and (relname in ('reading', 'series', 'correction', 'late_minute') or relname ~ '^reading_' or relname ~ '_(rollup|total)$')
\gexec
