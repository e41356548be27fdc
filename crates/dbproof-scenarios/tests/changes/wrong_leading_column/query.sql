-- name: q
-- param user: uniform(0, 999)
SELECT id, status FROM orders
WHERE user_id = :user::int AND created_at >= '2024-01-02';
