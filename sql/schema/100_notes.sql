-- Notes are readings with neither number and an attribute "note". They are few, so that an index of them alone costs
-- nothing, and finds those of a period among any number of readings.
create index reading_note on reading (ts) where plan is null and fact is null and attributes ? 'note';
