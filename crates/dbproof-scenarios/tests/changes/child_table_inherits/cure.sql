CREATE INDEX archive_user ON archive (user_id);
