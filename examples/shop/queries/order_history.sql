-- name: order_history
-- A user's latest orders, as the account page shows them.
-- threshold_ms: 5
-- param user_id: zipf(1, users, 1.1)
SELECT id, status, total, created_at FROM orders WHERE user_id = :user_id ORDER BY created_at DESC LIMIT 20;
