-- Users without orders are removed.
-- name: q
-- param user: uniform(1001, 2000)
DELETE FROM users WHERE id = :user::int;
