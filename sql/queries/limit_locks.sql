-- Let the statements of a transaction wait for a lock for a moment only, since others wait behind them meanwhile.
select set_config('lock_timeout', '2s', true)
