-- name: q
-- param u: uniform(0, 999)
SELECT * FROM orders WHERE user_id = :u;
