-- name: q
-- param user: uniform(0, 949)
SELECT status, count(*) FROM orders WHERE user_id BETWEEN :user::int AND :user::int + 3 GROUP BY status;
