CREATE TABLE orders (
    id int PRIMARY KEY,
    user_id int NOT NULL,
    status text NOT NULL,
    created_at timestamp NOT NULL,
    note text NOT NULL
);
INSERT INTO orders
SELECT i, (i * 7919) % 1000, CASE WHEN i % 10 = 0 THEN 'open' ELSE 'done' END,
       timestamp '2024-01-01' + i * interval '1 minute', repeat('n', 60)
FROM generate_series(1, 20000) AS i;
CREATE INDEX orders_user ON orders (user_id);
