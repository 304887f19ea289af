-- What a snapshot has, asked first in it: up to where buckets of each size can be read from their rollup, in the order of
-- `SIZES` in service/store/exact_buckets.py, and then up to where there are slices; and from when on readings and rollups
-- are kept.
select
  array[day, hour, quarter, total, minute, sliced_upto(minute)] as upto,
  kept.readings,
  kept.minutes,
  kept.quarters,
  kept.hours,
  kept.days
from materialised_upto
cross join kept
