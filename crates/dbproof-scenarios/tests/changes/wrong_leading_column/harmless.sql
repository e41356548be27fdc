-- Another order of the second column serves as well.
DROP INDEX orders_user;
CREATE INDEX orders_user ON orders (user_id, created_at DESC);
