CREATE OR REPLACE VIEW done AS SELECT id, user_id, note, NULL::bigint AS number FROM orders WHERE status = 'done';
