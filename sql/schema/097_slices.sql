-- Slices: what isn't materialised yet of the readings, aggregated every few seconds while many come, so that a chart costs
-- the same however many there are. service/store/slices.py makes them on the community edition; on the Apache edition
-- there are none.

-- A slice has a row for each minute and series of a few seconds; its bucket is the later one of the beginnings of the
-- minute and of the slice. Otherwise it has the columns of minute_rollup.
create table slice (
  bucket timestamptz not null,
  series text not null,
  readings bigint not null,
  plan_sum double precision,
  plan_count bigint not null,
  plan_min double precision,
  plan_max double precision,
  plan_last double precision,
  fact_sum double precision,
  fact_count bigint not null,
  fact_min double precision,
  fact_max double precision,
  fact_last double precision
);
create index slice_bucket on slice (bucket);

-- Which time the slices cover: from "first" up to "upto". Before slices are made up to a time, it is announced, and then
-- whoever begins to write readings of the announced time marks them in late_slice, in the same transaction.
create table sliced (
  first timestamptz,
  announced timestamptz,
  upto timestamptz
);
insert into sliced default values;

create table late_slice (
  since timestamptz not null,
  number bigint not null generated always as identity
);

-- Replicas of the version before this one go on writing readings, and mark none. They leave this column as it is.
alter table committer add column sliced_at timestamptz;
update committer set sliced_at = now() - interval '2 minutes';
