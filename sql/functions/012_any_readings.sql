-- Whether there is any reading: looks into one chunk after the other, and mostly finds one in the first.
create or replace function any_readings()
returns boolean
language plpgsql stable set search_path from current
as $$
declare
  chunk regclass;
  found_one boolean;
begin
  for chunk in select show_chunks('reading') loop
    execute format('select exists (select from %s)', chunk) into found_one;
    if found_one then
      return true;
    end if;
  end loop;
  return false;
end
$$;
