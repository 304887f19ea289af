-- Delete committers that have committed nothing for so long that none of their transactions can still be under way.
delete from committer
where at < now() - interval '30 days'
