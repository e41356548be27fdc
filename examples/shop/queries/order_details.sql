-- name: order_details
-- One order with its items and their products, as the receipt shows them.
-- threshold_ms: 10
-- param order_id: uniform(1, orders)
SELECT o.id, o.status, o.total, o.created_at,
       p.sku, p.name, oi.quantity, oi.unit_price, oi.quantity * oi.unit_price AS line_total
FROM orders o
JOIN order_items oi ON oi.order_id = o.id
JOIN products p ON p.id = oi.product_id
WHERE o.id = :order_id
ORDER BY oi.id;
