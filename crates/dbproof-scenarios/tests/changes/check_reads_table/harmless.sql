ALTER TABLE orders ADD CONSTRAINT known CHECK (user_id >= 0);
