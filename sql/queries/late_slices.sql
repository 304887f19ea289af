-- Mark readings as late for the slices from a time on, in the transaction that writes the readings.
insert into late_slice (since)
values ($1::timestamptz)
