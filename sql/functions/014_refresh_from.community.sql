-- From when on a rollup may be refreshed in a window that begins at "first": not over what it is made of and what isn't
-- kept any more, since that would erase its buckets. It is called in the statement that refreshes, so that no replica, however
-- long it was held up, goes by what it read before.
create or replace function refresh_from(rollup text, first timestamptz)
returns timestamptz
language sql stable set search_path from current
as $$
  select greatest(
    first,
    case rollup
      when 'minute_rollup' then refreshed
      when 'quarter_total' then quarters
      when 'day_rollup' then hours
      else minutes
    end
  )
  from kept
$$;
