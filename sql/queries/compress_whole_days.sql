-- Let the COPY of this transaction write to the columnstore: its days are known to have chunks. See compress_directly.sql.
select set_config('timescaledb.enable_direct_compress_copy', 'on', true) as direct
