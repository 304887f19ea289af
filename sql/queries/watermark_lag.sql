-- For each rollup that is materialised at all, the seconds since its watermark. Plans lie ahead, and somebody's own
-- refresh may have reached there: then it is 0.
select
  rollup,
  greatest(extract(epoch from now() - at), 0)::float8 as seconds
from watermark
where at > timestamptz '0002-01-01 00:00:00+00'
order by rollup
