-- Give up messages that nobody took for $1, and of each rule all but the newest $2.
delete from alert_message
where made_at < now() - $1::interval
  or number in (
    select number
    from (
      select
        number,
        row_number() over (partition by rule order by number desc) as place
      from alert_message
    ) placed
    where place > $2::integer
  )
returning rule
