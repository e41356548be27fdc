CREATE INDEX orders_0 ON orders (user_id) WHERE status = 'gone';
