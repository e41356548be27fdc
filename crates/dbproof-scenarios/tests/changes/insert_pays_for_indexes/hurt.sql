CREATE INDEX orders_0 ON orders (user_id);
CREATE INDEX orders_1 ON orders (status);
CREATE INDEX orders_2 ON orders (created_at);
CREATE INDEX orders_3 ON orders (user_id, status);
CREATE INDEX orders_4 ON orders (user_id, created_at);
CREATE INDEX orders_5 ON orders (status, created_at);
CREATE INDEX orders_6 ON orders (note);
CREATE INDEX orders_7 ON orders (lower(note));
CREATE INDEX orders_8 ON orders (created_at DESC);
