-- Old readings move to the columnstore: about a tenth of the disk, and scans read only the columns they need.
--
-- Segments by series, since whoever filters filters by series; ordered as everybody reads. A chunk moves a week
-- after its day: until then a resend, which a batch id protects for a week, is written to plain rows.

alter table reading set (
  timescaledb.enable_columnstore,
  timescaledb.segmentby = 'series',
  timescaledb.orderby = 'ts desc, id desc'
);

call add_columnstore_policy('reading', after => interval '7 days');
