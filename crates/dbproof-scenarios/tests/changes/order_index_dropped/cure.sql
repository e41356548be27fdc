CREATE INDEX orders_latest ON orders (created_at DESC);
