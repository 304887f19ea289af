-- How the service looks after TimescaleDB's background jobs, for all its replicas: since when it has known each job, and
-- the runs that it made itself, since the server keeps no record of those. A job that has never succeeded is late from
-- `known_since` on.
create table job_run (
  job integer primary key,
  known_since timestamptz not null default now(),
  -- of our last run: one that has begun and not ended is under way on some replica, or was cut off
  begun timestamptz,
  ended timestamptz
);
