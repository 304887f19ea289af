-- Forget committers that have committed nothing for so long that no attempt of theirs can be under way.
delete from committer
where at < now() - interval '30 days'
