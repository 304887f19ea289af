-- Refresh what has changed of a rollup within a window. It can't run inside a transaction.
call refresh_continuous_aggregate($1::text::regclass, $2::timestamptz, $3::timestamptz)
