-- The ledger of files of functions, with a row for each time that a file was applied. After a schema file, which may
-- have dropped functions, all of them are applied again: schema_number is the number of the last schema file at that
-- time.
create table if not exists applied_functions (
  id bigint primary key generated always as identity,
  name text not null,
  sha256 text not null,
  schema_number integer not null,
  applied_at timestamptz not null default now()
)
