-- name: inventory_search
-- What runs low in a warehouse, within one category, the emptiest shelf first.
-- param warehouse_id: uniform(1, 10)
-- param category: one_of(kitchen, garden, office, toys, sports, books)
SELECT i.id, p.sku, p.name, i.shelf, i.quantity, i.reorder_level
FROM inventory i
JOIN products p ON p.id = i.product_id
WHERE i.warehouse_id = :warehouse_id
  AND i.quantity <= i.reorder_level
  AND p.category = :category
  AND p.active
ORDER BY i.quantity, p.name
LIMIT 50;
