-- The names of all series that have, or once had, readings: for lists to choose from, for the limit MAX_SERIES, and to
-- find the series that a pattern means. Whoever writes readings adds the names that are new, in the same transaction. So
-- there is no moment at which a reading can be read whose series isn't here.
--
-- Sorted by code points, on every server alike, so that the names with a common beginning are a range of the index.
create table series (
  name text collate "C" primary key
);

-- Replicas of the version before this one go on writing readings, and know nothing of this table. What they write can be
-- told by this column, which they leave as it is: the names of all readings that the committer wrote up to then are in
-- the table. See sql/queries/unnoted_series.sql.
--
-- A transaction lasts a minute at most: what began before the last two minutes is committed, and seen by 071.
alter table committer add column series_noted_at timestamptz;
update committer set series_noted_at = now() - interval '2 minutes';
