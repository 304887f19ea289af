-- Which process of the server runs this, and whether this very statement has been prepared there under another name
-- than the driver's, as poolers do that hand processes around and still keep prepared statements.
select
  pg_backend_pid() as process,
  exists (
    select from pg_prepared_statements where statement = current_query() and name not like '\_\_asyncpg\_%'
  ) as renamed
