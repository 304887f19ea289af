-- Make the chunks in which some times lie, by writing a reading there and deleting it again, which nobody else sees. A
-- reading without the name of a series is never anybody's.
create or replace function make_chunks(times timestamptz[])
returns void
language plpgsql set search_path from current
as $$
begin
  insert into reading (ts, series)
  select ts, ''
  from unnest(times) as given (ts);
  delete from reading
  where ts = any(times)
    and series = '';
end
$$;
