-- Up to where buckets of each size can be read from their rollup, in the order of `SIZES` in service/store/exact_buckets.py,
-- for a statement that follows outside of a snapshot. The last one is up to where slices can be used: none of them.
select array[day, hour, quarter, total, minute, minute] as upto
from materialised_upto
