-- What is open is new, so that both views give the same rows.
-- name: q
SELECT id, user_id FROM pending;
