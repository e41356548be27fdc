DROP INDEX events_id;
