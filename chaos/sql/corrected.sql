-- What is stored of the series that are corrected: how many facts and plans an hour has, and between which plans.
select
  series,
  time_bucket(interval '1 hour', ts) as hour,
  count(fact)::integer as facts,
  count(plan)::integer as plans,
  min(plan)::integer as least,
  max(plan)::integer as most
from reading
where series like 'corrected %'
group by 1, 2
