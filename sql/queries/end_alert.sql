-- End the alert of a rule, $1, and a series, $2, if it has begun, and note what is to be sent of that.
with ended as (
  delete from alert
  where rule = $1::text
    and series = $2::text
  returning rule, series, starts_at
)
insert into alert_message (rule, series, starts_at, ends_at, detail)
select rule, series, starts_at, greatest(now(), starts_at), $3::text
from ended
