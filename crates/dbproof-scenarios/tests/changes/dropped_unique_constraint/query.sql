-- The planner leaves out the join for as long as it can give one row at most.
-- name: q
-- param name: uniform(1, 9)
SELECT id, name FROM accounts WHERE name LIKE 'user ' || :name::int || '%';
