-- The slices, and what was written too late for them: see 097.

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

create table late_slice (
  since timestamptz not null
);
