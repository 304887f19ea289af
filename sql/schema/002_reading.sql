-- The readings, as they came.
--
-- No primary key and no unique index: it would switch direct compress off. What makes the order total is id:
-- readings of one instant are told apart by it, and paging relies on (ts, id). It is no order of arrival
-- over several replicas.

create table reading (
  ts timestamptz not null,
  -- values are handed to each connection a hundred at a time: one visit to the sequence for a hundred rows
  id bigint not null generated always as identity (cache 100),
  series text not null,
  plan double precision,
  fact double precision,
  attributes jsonb
);

-- A chunk is a day. A large installation, 100 readings/s, writes about 1 GB a day with its index, and one chunk
-- should stay within a quarter of a small server's memory. A year is 365 chunks, which a query that is bounded
-- in ts on both sides never has to look at. Retention drops whole days.
select create_hypertable('reading', by_range('ts', interval '1 day'), create_default_indexes => false);

-- The one order in which people and exports read.
create index reading_ts_id on reading (ts desc, id desc);
