-- name: q
-- param p: one_of('user1234%', 'user777%')
SELECT id, name FROM users WHERE email LIKE :p;
