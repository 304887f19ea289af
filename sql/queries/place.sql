-- Where a session is: its search_path, the schema in which it creates tables, and the columns of the table `migration`
-- in the schema $1, which is null where there is none.
select
  current_setting('search_path') as search_path,
  current_schema() as schema,
  (
    select array_agg(attname::text order by attname)
    from pg_attribute
    where attrelid = to_regclass(format('%I.migration', $1::text))
      and attnum > 0
      and not attisdropped
  ) as ledger
