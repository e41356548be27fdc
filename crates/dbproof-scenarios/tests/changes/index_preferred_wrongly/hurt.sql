CREATE INDEX tickets_opened ON tickets (opened_at);
