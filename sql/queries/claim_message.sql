-- Take the next message that is to be sent now. Those of one rule are sent in their order, so that only the first of each
-- comes into question. It isn't due again before $1 seconds, and twice as long after each try, up to $2 seconds: within
-- the first no other replica sends it, even one that takes itself for the leader.
update alert_message
set
  tries = tries + 1,
  due_at = now() + least($1::double precision * power(2, least(tries, 30)), $2::double precision) * interval '1 second'
where number = (
  select number
  from alert_message candidate
  where due_at <= now()
    and not exists (
      select
      from alert_message earlier
      where earlier.rule = candidate.rule
        and earlier.number < candidate.number
    )
  order by number
  limit 1
  for update skip locked
)
returning number, id, rule, series, detail, starts_at, ends_at
