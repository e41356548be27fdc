-- A change that harms: order_history falls back to reading the whole table.
DROP INDEX idx_orders_user_created;
