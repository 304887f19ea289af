-- The numbers of all stored readings of the checker's producers, and how often each is stored.
select
  plan::bigint as number,
  count(*)::integer as times
from reading
where series like 'chaos %'
group by 1
