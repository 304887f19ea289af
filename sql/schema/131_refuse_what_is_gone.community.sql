-- Nobody writes or corrects readings of a time of which only the rollups are kept: they would never come into these, and a
-- refresh of their minutes would erase what the readings said that are gone. Whoever changes readings of the past marks
-- their minutes in late_minute, so that this is where all of them can be refused, replicas of earlier versions as well.
create function refuse_what_is_gone()
returns trigger
language plpgsql set search_path from current
as $$
declare
  since timestamptz := (select readings from kept);
begin
  if exists (select from marked where bucket < since) then
    raise exception 'readings before % are kept as minutes only (RETENTION_READINGS)',
      to_char(since at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
      using errcode = 'check_violation';
  end if;
  return null;
end
$$;

-- A mark that is there already is updated by whoever writes it again.
create trigger inserted after insert on late_minute
referencing new table as marked
for each statement execute function refuse_what_is_gone();

create trigger updated after update on late_minute
referencing new table as marked
for each statement execute function refuse_what_is_gone();
