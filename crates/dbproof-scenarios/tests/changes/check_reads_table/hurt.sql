ALTER TABLE orders ADD CONSTRAINT known CHECK (known(user_id)) NOT VALID;
