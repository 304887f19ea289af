-- Use no slices any more, until some are made anew.
update sliced
set first = null, upto = null
where upto is not null
