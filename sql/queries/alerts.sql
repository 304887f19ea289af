-- The alerts that have begun and haven't ended.
select rule, series
from alert
order by rule, series
