-- Free the space of rows that are deleted all the time; an engine without background workers doesn't.
vacuum slice, late_slice, sliced
