-- name: q
-- param u: uniform(0, 999)
SELECT id, note FROM done_orders() WHERE user_id = :u;
