-- What was corrected: which readings were replaced or taken away, by whom, and how many went and came. A row is written in
-- the transaction of the correction itself, and stays.
create table correction (
  id bigint generated always as identity primary key,
  at timestamptz not null default now(),
  -- the name of the key, or "anonymous"
  by text not null,
  series text[] not null,
  -- from "first" up to but not including "until"
  first timestamptz not null,
  until timestamptz not null,
  -- "plan" or "fact" where only that was corrected
  field text,
  -- whole readings that went; readings of which only the field went; readings that came
  removed bigint not null,
  changed bigint not null,
  written bigint not null,
  batch text
);
