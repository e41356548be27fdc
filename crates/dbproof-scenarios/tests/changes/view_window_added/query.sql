-- name: q
-- param u: uniform(0, 999)
SELECT id, note FROM done WHERE user_id = :u;
