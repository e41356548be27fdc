-- name: q
-- param tenant: uniform(37, 39)
SELECT id, note FROM tickets WHERE tenant = :tenant::int ORDER BY opened_at LIMIT 10;
