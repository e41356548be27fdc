DROP INDEX orders_user;
CREATE INDEX orders_user ON orders (user_id);
