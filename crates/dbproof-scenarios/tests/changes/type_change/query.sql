-- The application binds text, as most drivers do.
-- name: q
-- param number: uniform(1, 20000)
SELECT id, title FROM products WHERE sku = 'sku-' || :number::int;
