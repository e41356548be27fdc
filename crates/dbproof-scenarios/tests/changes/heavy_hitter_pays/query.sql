-- name: q
-- param user_id: uniform(1, 3000)
SELECT id, note FROM orders WHERE user_id = :user_id ORDER BY created_at DESC LIMIT 10;
