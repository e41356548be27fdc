CREATE TABLE users (id int PRIMARY KEY, email text NOT NULL, name text NOT NULL);
INSERT INTO users SELECT i, 'user' || i || '@example.org', repeat('u', 60) FROM generate_series(1, 20000) AS i;
CREATE INDEX users_email ON users (email);
CREATE VIEW people AS SELECT id, email, name FROM users;
