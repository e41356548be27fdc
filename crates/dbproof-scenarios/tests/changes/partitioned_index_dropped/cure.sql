CREATE INDEX events_number ON events (id);
