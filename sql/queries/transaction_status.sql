-- What became of a transaction whose connection was lost: committed, aborted or in progress.
select pg_xact_status($1::text::xid8)
