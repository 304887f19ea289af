-- A secret that all replicas share.
select value
from secret
where name = $1::text
