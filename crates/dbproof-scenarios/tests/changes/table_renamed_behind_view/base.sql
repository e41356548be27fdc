CREATE TABLE users (id int PRIMARY KEY, email text NOT NULL, name text NOT NULL);
INSERT INTO users
SELECT i, 'user' || i || '@example.com', repeat('u', 80)
FROM generate_series(1, 20000) AS i;
CREATE INDEX users_email ON users (email);
