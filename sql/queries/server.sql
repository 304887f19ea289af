-- What server this is: PostgreSQL's version, whether it is the embedded one (in WebAssembly), whether commits survive a
-- crash, and TimescaleDB's version, schema and license, which are null where the database doesn't have the extension.
select
  current_setting('server_version') as postgresql,
  version() ~ 'wasm|emscripten|emcc' as embedded,
  current_setting('fsync')::boolean and current_setting('synchronous_commit') <> 'off' as durable,
  (select extversion from pg_extension where extname = 'timescaledb') as timescaledb,
  (select extnamespace::regnamespace::text from pg_extension where extname = 'timescaledb') as extension_schema,
  current_setting('timescaledb.license', true) as license
