-- name: q
-- param kind: uniform(0, 49)
SELECT count(*), sum(t.length) FROM cars c JOIN trips t ON t.car_id = c.id
WHERE c.maker = :kind::int AND c.model = :kind::int AND c.engine = :kind::int;
