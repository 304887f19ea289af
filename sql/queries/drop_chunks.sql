-- Drop the chunks of a relation that end at $2 or before.
select drop_chunks($1::text::regclass, older_than => $2::timestamptz)
