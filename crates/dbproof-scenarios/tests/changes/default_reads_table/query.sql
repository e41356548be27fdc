-- name: q
-- param u: uniform(0, 999)
INSERT INTO orders (user_id, status, created_at, note) VALUES (:u, 'open', timestamp '2024-05-05', 'n');
