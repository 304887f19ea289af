-- Limit the following statements of a transaction to so many milliseconds each.
select set_config('statement_timeout', $1::text, true)
