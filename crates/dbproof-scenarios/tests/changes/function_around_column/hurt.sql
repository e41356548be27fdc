CREATE OR REPLACE VIEW people AS SELECT id, lower(email) AS email, name FROM users;
