-- name: q
-- param u: uniform(0, 999)
UPDATE orders SET status = 'late' WHERE user_id = :u;
