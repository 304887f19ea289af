-- The ledger of files with functions: a line each time that one was applied. All are applied anew after a schema
-- file, which may have dropped something: schema_number is that of the last one then.
create table if not exists applied_functions (
  id bigint primary key generated always as identity,
  name text not null,
  sha256 text not null,
  schema_number integer not null,
  applied_at timestamptz not null default now()
)
