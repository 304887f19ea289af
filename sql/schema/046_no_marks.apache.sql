-- Rollups that are views are always exact: no minute is ever marked as late here. What 005, 034 and 040 made for marks
-- goes, as does what 045 made, since buckets_of_days is there.
--
-- A replica of the version before this one can't answer any more once this is applied: on this edition, stop all of
-- them before the first one of this version starts.
create or replace view reading_minute as select * from minute_rollup;
create or replace view reading_quarter as select * from quarter_rollup;
create or replace view reading_hour as select * from hour_rollup;
create or replace view reading_day as select * from day_rollup;
drop function minutes_due(timestamptz, timestamptz, text[], timestamptz);
drop function late_days(timestamptz, timestamptz);
drop function late_hours(timestamptz, timestamptz);
drop function late_quarters(timestamptz, timestamptz);
drop function late_minutes(timestamptz, timestamptz);
drop function hours_of_days(timestamptz[]);
drop function quarters_of_days(timestamptz[]);
drop function minutes_of_days(timestamptz[]);
drop table late_minute;
