-- Forget a message that was sent.
delete from alert_message
where number = $1::bigint
