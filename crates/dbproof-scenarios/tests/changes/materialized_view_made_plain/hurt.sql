DROP MATERIALIZED VIEW totals;
CREATE VIEW totals AS SELECT user_id, count(*) AS orders FROM orders GROUP BY user_id;
