-- From when on readings and rollups are kept.
select readings, minutes, quarters, hours, days
from kept
