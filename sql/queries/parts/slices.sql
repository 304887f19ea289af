-- What isn't materialised, as far as there are slices of it.
select :columns
from slice
where bucket >= :first
  and bucket < :until
