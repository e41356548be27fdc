DROP INDEX orders_user;
CREATE INDEX orders_user ON orders (created_at, user_id);
