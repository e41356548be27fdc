-- name: user_lookup
-- The account behind an e-mail address, at every sign-in.
-- threshold_ms: 5
-- param email: select email from users
SELECT id, name, country, created_at
FROM users
WHERE email = :email;
