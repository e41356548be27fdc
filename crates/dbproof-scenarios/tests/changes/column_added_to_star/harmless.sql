ALTER TABLE orders ADD COLUMN extra int;
