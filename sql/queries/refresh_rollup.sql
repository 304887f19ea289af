-- Refresh a rollup in a window, as far as anything changed there; never inside a transaction.
call refresh_continuous_aggregate($1::text::regclass, $2::timestamptz, $3::timestamptz)
