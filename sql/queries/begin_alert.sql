-- Begin the alert of a rule, $1, and a series, $2, unless it has begun already. What is to be sent of it is noted in the
-- same statement, so that neither is there without the other.
with begun as (
  insert into alert (rule, series, starts_at)
  values ($1::text, $2::text, $3::timestamptz)
  on conflict do nothing
  returning rule, series, starts_at
)
insert into alert_message (rule, series, starts_at, detail)
select rule, series, starts_at, $4::text
from begun
