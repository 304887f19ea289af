-- Up to where there are slices: what isn't materialised yet of the readings, aggregated every few seconds while many come,
-- so that a chart costs the same however many there are. 098 has the slices, which service/store/slices.py makes; on the
-- Apache edition there are none.

-- The time that slices cover: from "first" up to "upto". Before slices are made up to a time, it is announced, and then
-- whoever begins to write readings of the announced time marks them in late_slice, in the same transaction.
create table sliced (
  first timestamptz,
  announced timestamptz,
  upto timestamptz
);
insert into sliced default values;

-- Replicas of the version before this one go on writing readings, and mark none. They leave this column as it is.
alter table committer add column sliced_at timestamptz;
update committer set sliced_at = now() - interval '2 minutes';
