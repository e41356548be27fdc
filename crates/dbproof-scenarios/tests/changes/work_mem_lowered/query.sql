-- name: q
SELECT id, note FROM orders ORDER BY note, user_id, id;
