-- Whether a replica of an earlier version, which doesn't write the names of series to their table, has written readings
-- since the table was last filled; and the time before which all transactions have ended, one that is being made has 50
-- seconds.
select
  exists (select from committer where at > coalesce(series_noted_at, '-infinity')) as any_missing,
  now() - interval '2 minutes' as settled
