-- TimescaleDB in this database; needs rights that the service often doesn't have.
create extension if not exists timescaledb
