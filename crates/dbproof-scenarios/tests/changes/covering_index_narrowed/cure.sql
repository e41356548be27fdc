CREATE INDEX orders_covering ON orders (user_id, status);
