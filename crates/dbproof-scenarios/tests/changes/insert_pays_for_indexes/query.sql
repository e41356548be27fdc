-- name: q
-- param i: uniform(30000, 90000)
INSERT INTO orders VALUES (:i, 7, 'open', timestamp '2024-05-05', 'n');
