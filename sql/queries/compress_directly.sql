-- Let the COPY of this transaction write to the columnstore instead of to plain rows.
set local timescaledb.enable_direct_compress_copy = on
