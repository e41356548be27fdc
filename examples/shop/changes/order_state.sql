-- As it should not be written: the column's lock on orders is held until every row is filled.
ALTER TABLE orders ADD COLUMN state text;
UPDATE orders SET state = status;
CREATE INDEX idx_orders_state ON orders (state);
