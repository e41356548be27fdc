ALTER TABLE profiles ADD CONSTRAINT profiles_user UNIQUE (user_id);
