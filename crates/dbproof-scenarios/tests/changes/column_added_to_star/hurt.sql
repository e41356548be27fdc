DROP INDEX orders_user;
ALTER TABLE orders ADD COLUMN extra int;
