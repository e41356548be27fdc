-- name: q
-- param order: uniform(1, 20000)
UPDATE orders SET status = 'sent' WHERE id = :order::int;
