DROP INDEX orders_user_created;
CREATE INDEX orders_user ON orders (user_id);
