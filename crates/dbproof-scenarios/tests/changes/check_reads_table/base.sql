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
CREATE TABLE users (id int PRIMARY KEY, email text NOT NULL, deleted_at timestamp, name text NOT NULL);
INSERT INTO users
SELECT i, 'user' || i || '@example.com', CASE WHEN i % 5 = 0 THEN timestamp '2024-01-01' END, repeat('u', 80)
FROM generate_series(1, 20000) AS i;
CREATE FUNCTION known(u int) RETURNS boolean LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN (SELECT count(*) FROM users WHERE deleted_at IS NULL) > 0 AND u >= 0; END $$;
