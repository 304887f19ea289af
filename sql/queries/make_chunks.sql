-- Make the chunks of the days in $1.
select make_chunks($1::timestamptz[])
