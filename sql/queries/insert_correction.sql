-- Keep what was corrected, in the same transaction.
insert into correction (by, series, first, until, field, removed, changed, written, batch)
values ($1::text, $2::text[], $3::timestamptz, $4::timestamptz, $5::text, $6::bigint, $7::bigint, $8::bigint, $9::text)
