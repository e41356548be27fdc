-- name: q
-- param number: uniform(1, 20000)
SELECT id, name FROM people WHERE email = 'user' || :number::int || '@example.org';
