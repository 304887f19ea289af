-- Delete the marks of minutes that were refreshed. A mark that was written again meanwhile stays. The marks are locked
-- in order, as in mark_late.sql, so that two transactions can't deadlock. Nothing is joined here: without statistics,
-- which a table that is mostly empty hasn't, the planner would compare all marks with all.
with
  mine as (
    select bucket
    from late_minute
    where bucket = any ($1::timestamptz[])
      and version = any ($2::bigint[])
    order by bucket
    for update
  )
delete from late_minute
where bucket = any (array(select bucket from mine))
