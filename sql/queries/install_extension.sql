-- Create the extension TimescaleDB in this database. The service often lacks the right to do so.
create extension if not exists timescaledb
