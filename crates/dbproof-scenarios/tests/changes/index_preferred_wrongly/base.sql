CREATE TABLE tickets (id int PRIMARY KEY, tenant int NOT NULL, opened_at timestamp NOT NULL, note text NOT NULL);
-- The tenants' tickets come in stretches, and the tenant asked for is the newest.
INSERT INTO tickets
SELECT i, i / 1000, timestamp '2024-01-01' + ((i * 7919) % 1000 + (i / 1000) * 1000) * interval '1 minute', repeat('t', 60)
FROM generate_series(1, 39999) AS i;
CREATE INDEX tickets_tenant ON tickets (tenant);
