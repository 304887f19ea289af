-- The numbers of readings whose values aren't those that were sent.
select plan::bigint as number
from reading
where series like 'chaos %'
  and (
    fact is distinct from (plan::bigint % $1::bigint)::double precision
    or (plan::bigint % 10 = 0) is distinct from (attributes is not null)
    or attributes is not null and attributes->>'note' is distinct from plan::bigint || E' Ж\t"\'\\'
    or attributes ? 'more' and (attributes->'more'->'numbers'->>0)::bigint is distinct from plan::bigint
  )
