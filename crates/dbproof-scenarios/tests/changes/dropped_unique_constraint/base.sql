CREATE TABLE users (id int PRIMARY KEY, name text NOT NULL);
INSERT INTO users SELECT i, 'user ' || i FROM generate_series(1, 5000) AS i;
CREATE TABLE profiles (user_id int NOT NULL, bio text NOT NULL, CONSTRAINT profiles_user UNIQUE (user_id));
INSERT INTO profiles SELECT i, repeat('b', 80) FROM generate_series(1, 5000) AS i;
CREATE VIEW accounts AS SELECT u.id, u.name, p.bio FROM users u LEFT JOIN profiles p ON p.user_id = u.id;
