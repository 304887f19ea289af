-- Record that the names of all series are in the table that replicas of earlier versions wrote until $1.
update committer
set series_noted_at = $1::timestamptz
where at > coalesce(series_noted_at, '-infinity')
