-- Reads every partition, through the index of each.
-- name: q
-- param event: uniform(1, 24000)
SELECT day, note FROM events WHERE id = :event::int;
