-- no-transaction
-- What was written before there were these rollups, before a policy moves the watermark past it.
call refresh_continuous_aggregate('quarter_rollup', null, now() - interval '1 hour');
