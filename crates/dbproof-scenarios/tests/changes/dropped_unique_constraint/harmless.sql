ALTER TABLE profiles RENAME CONSTRAINT profiles_user TO profiles_one_each;
