-- A text that changes whenever a reading of the series $3 from $1 up to $2 comes, goes or changes: corrections take away
-- a reading, its plan or its fact, and never change anything else; an id is never given twice.
select concat_ws('-', count(*), count(plan), count(fact), to_hex(coalesce(bit_xor(hashint8extended(id, 0)), 0))) as tag
from reading
where ts >= $1::timestamptz
  and ts < $2::timestamptz
  and series = any($3::text[])
