CREATE INDEX orders_right ON orders (user_id, created_at);
