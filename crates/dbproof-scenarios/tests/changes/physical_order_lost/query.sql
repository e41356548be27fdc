-- name: q
-- param d: uniform(1, 12)
SELECT id, note FROM orders WHERE created_at >= timestamp '2024-01-01' + :d::int * interval '1 day' AND created_at < timestamp '2024-01-01' + :d::int * interval '1 day' + interval '2 hours';
