-- One partition more.
CREATE TABLE events_6 PARTITION OF events FOR VALUES FROM (60) TO (70);
