-- What the monitored queries look up, filter and sort by.

-- user_lookup; an address belongs to one account.
CREATE UNIQUE INDEX idx_users_email ON users (email);

-- order_history: a user's orders, latest first, without a sort.
CREATE INDEX idx_orders_user_created ON orders (user_id, created_at DESC);

-- daily_revenue: a few days of all orders.
CREATE INDEX idx_orders_created ON orders (created_at);

-- order_details: the items of one order.
CREATE INDEX idx_order_items_order ON order_items (order_id);

-- inventory_search: only what runs low is in the index, the emptiest shelf first.
CREATE INDEX idx_inventory_low_stock ON inventory (warehouse_id, quantity)
    WHERE quantity <= reorder_level;
