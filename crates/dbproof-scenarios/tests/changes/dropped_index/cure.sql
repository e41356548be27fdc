CREATE INDEX orders_customer ON orders (user_id);
