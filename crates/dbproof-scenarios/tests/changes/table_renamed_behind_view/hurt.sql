ALTER TABLE users RENAME TO all_users;
ALTER TABLE all_users ADD COLUMN deleted_at timestamp;
CREATE VIEW users AS SELECT id, email, name FROM all_users WHERE deleted_at IS NULL;
