CREATE TABLE users (id int PRIMARY KEY, name text NOT NULL);
INSERT INTO users SELECT i, 'user ' || i FROM generate_series(1, 2000) AS i;
CREATE TABLE orders (id int PRIMARY KEY, user_id int NOT NULL, note text NOT NULL);
INSERT INTO orders SELECT i, 1 + i % 1000, repeat('n', 60) FROM generate_series(1, 20000) AS i;
