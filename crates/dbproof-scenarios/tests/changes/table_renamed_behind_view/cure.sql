CREATE INDEX users_email_live ON all_users (email) WHERE deleted_at IS NULL;
