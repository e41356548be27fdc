-- name: q
-- param k: uniform(0, 49)
SELECT id, body FROM docs WHERE kind = :k;
