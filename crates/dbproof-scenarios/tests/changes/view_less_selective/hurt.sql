CREATE OR REPLACE VIEW pending AS SELECT id, user_id, status FROM orders WHERE status = 'open';
