-- The role as which the service of docker-compose.yml works, without the rights of a superuser, and the passwords of both.
-- psql runs this at each start, as the superuser.
\set superuser `cat /passwords/superuser/password`
\set service `cat /passwords/service/password`

select not exists (select from pg_roles where rolname = 'taktline') as missing \gset
\if :missing
create role taktline;
\endif

alter role taktline with login nosuperuser nocreatedb nocreaterole password :'service';
alter role postgres with password :'superuser';

create extension if not exists timescaledb;
alter database taktline owner to taktline;
