-- name: q
-- param day: uniform(0, 59)
SELECT id, note FROM events WHERE day = :day::int;
