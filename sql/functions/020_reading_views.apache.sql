-- reading_minute, reading_quarter, reading_hour and reading_day have the same names as on the community edition. Here
-- they are simply the rollups, which are always exact.
create or replace view reading_minute as select * from minute_rollup;
create or replace view reading_quarter as select * from quarter_rollup;
create or replace view reading_hour as select * from hour_rollup;
create or replace view reading_day as select * from day_rollup;
