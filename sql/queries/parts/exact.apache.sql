-- The exact buckets of one size in a period: here the rollups are views over the readings, and always exact.
select :columns
from :rollup
where bucket >= :first
  and bucket < :until
