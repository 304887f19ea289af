-- Make the slices from $2 up to $3, in place of those from $2 on, and take away the marks that are seen at this moment.
-- $1 is the watermark of the rollup of minutes, before which no slices are needed any more.
with
  made as (
    update sliced
    set first = $1::timestamptz, upto = $3::timestamptz
  ),
  seen as (
    delete from late_slice
  ),
  old as (
    delete from slice
    where bucket < $1::timestamptz
      or bucket >= $2::timestamptz
  )
insert into slice
:fresh(minute, $2::timestamptz, $3::timestamptz) of series, readings, plan_sum, plan_count, plan_min, plan_max, plan_last, fact_sum, fact_count, fact_min, fact_max, fact_last
