-- reading_minute, reading_quarter, reading_hour and reading_day, by the same names as on the other edition. Here the
-- rollups are always exact themselves.
create or replace view reading_minute as select * from minute_rollup;
create or replace view reading_quarter as select * from quarter_rollup;
create or replace view reading_hour as select * from hour_rollup;
create or replace view reading_day as select * from day_rollup;
