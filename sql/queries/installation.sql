-- Where this installation is, of all there are: the database cluster, whose copies share an identifier, the database in
-- it, and the schema.
select
  (select system_identifier from pg_control_system()) as cluster,
  (select oid::bigint from pg_database where datname = current_database()) as database,
  current_schema()::regnamespace::oid::bigint as schema
