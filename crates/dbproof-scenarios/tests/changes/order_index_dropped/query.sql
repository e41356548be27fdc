-- name: q
SELECT id, created_at FROM orders ORDER BY created_at DESC LIMIT 20;
