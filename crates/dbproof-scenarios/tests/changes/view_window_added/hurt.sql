CREATE OR REPLACE VIEW done AS SELECT id, user_id, note, row_number() OVER (ORDER BY id) AS number FROM orders WHERE status = 'done';
