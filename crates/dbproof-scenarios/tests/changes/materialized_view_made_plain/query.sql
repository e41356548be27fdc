-- name: q
SELECT user_id, orders FROM totals WHERE orders > 15;
