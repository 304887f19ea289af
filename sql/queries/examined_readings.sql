-- About how many readings there are, as the statistics of the server have it.
select approximate_row_count('reading') as readings
