CREATE INDEX orders_user_created_again ON orders (user_id, created_at DESC);
