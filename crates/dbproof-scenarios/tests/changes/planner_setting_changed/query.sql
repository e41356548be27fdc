-- name: q
-- param u: uniform(0, 999)
SELECT note FROM orders WHERE user_id = :u;
