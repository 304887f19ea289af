-- What server this is: PostgreSQL's version, whether it is the embedded one (in WebAssembly), whether it keeps what
-- it commits, and TimescaleDB's version, schema and license (all null where this database hasn't the extension).
select
  current_setting('server_version') as postgresql,
  version() ~ 'wasm|emscripten|emcc' as embedded,
  current_setting('fsync')::boolean and current_setting('synchronous_commit') <> 'off' as durable,
  (select extversion from pg_extension where extname = 'timescaledb') as timescaledb,
  (select extnamespace::regnamespace::text from pg_extension where extname = 'timescaledb') as extension_schema,
  current_setting('timescaledb.license', true) as license
