CREATE OR REPLACE VIEW people AS SELECT id, email, name, upper(name) AS shouted FROM users;
