CREATE TABLE users (id int PRIMARY KEY, email text NOT NULL, deleted_at timestamp, name text NOT NULL);
INSERT INTO users
SELECT i, 'user' || i || '@example.com', CASE WHEN i % 5 = 0 THEN timestamp '2024-01-01' END, repeat('u', 80)
FROM generate_series(1, 20000) AS i;
CREATE INDEX users_email ON users (email text_pattern_ops);
