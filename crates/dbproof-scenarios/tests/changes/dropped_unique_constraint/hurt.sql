ALTER TABLE profiles DROP CONSTRAINT profiles_user;
CREATE INDEX profiles_by_user ON profiles (user_id);
