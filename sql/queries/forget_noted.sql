-- Forget the notes of before $1, whose readings are gone.
delete from noted
where ts < $1::timestamptz
