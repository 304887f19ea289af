-- From when on readings and rollups are kept, each null where that is from the beginning: see service/store/retention.py.
-- What lies before is dropped, and of readings what lies before is refused.
create table kept (
  -- a single row
  readings timestamptz,
  -- up to where the rollups have all that the readings say, so that these may be dropped; never refreshed from then on
  refreshed timestamptz,
  minutes timestamptz,
  quarters timestamptz,
  hours timestamptz,
  days timestamptz,
  -- when one of the last four was last changed: everybody has to know before anything is dropped
  announced timestamptz
);
insert into kept default values;
