-- name: daily_revenue
-- Orders and revenue of each day in a week, for the back office.
-- param first_day: select DISTINCT date_trunc('day', created_at) FROM orders
SELECT date_trunc('day', created_at) AS day, count(*) AS orders, sum(total) AS revenue
FROM orders
WHERE created_at >= CAST(:first_day AS timestamptz)
  AND created_at < CAST(:first_day AS timestamptz) + INTERVAL '7 days'
  AND status <> 'cancelled'
GROUP BY 1
ORDER BY 1;
