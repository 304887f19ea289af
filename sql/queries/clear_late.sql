-- Take away the marks whose minutes were refreshed; a mark that was written anew meanwhile stays.
delete from late_minute
using unnest($1::timestamptz[], $2::bigint[]) as refreshed (bucket, version)
where late_minute.bucket = refreshed.bucket
  and late_minute.version = refreshed.version
