CREATE OR REPLACE VIEW pending AS
SELECT o.id, o.user_id, o.status FROM orders o WHERE o.created_at >= '2024-01-14' AND o.status = 'open';
