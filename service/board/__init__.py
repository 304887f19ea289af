"""The hour-by-hour board: a row for each hour of a shift, and where each series stands."""
