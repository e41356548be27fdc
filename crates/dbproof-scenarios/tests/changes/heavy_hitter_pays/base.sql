CREATE TABLE orders (id int PRIMARY KEY, user_id int NOT NULL, created_at timestamptz NOT NULL, note text NOT NULL);
-- One user has every second order, the others about three each.
INSERT INTO orders
SELECT i, CASE WHEN i % 2 = 0 THEN 1 ELSE 2 + (i / 2) % 3000 END, '2024-01-01'::timestamptz + i * interval '1 minute', repeat('o', 60)
FROM generate_series(1, 20000) AS i;
CREATE INDEX orders_user_created ON orders (user_id, created_at DESC);
