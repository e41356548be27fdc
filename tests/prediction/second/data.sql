INSERT INTO guests (id, handle) SELECT n, 'guest' || n FROM generate_series(1, 30) n;
-- Wallet 1 is the house's.
INSERT INTO wallets (guest_id, cents) SELECT n, 100000 FROM generate_series(1, 30) n;
INSERT INTO ledger (guest_id, cents) SELECT n, 100000 FROM generate_series(1, 30) n;
INSERT INTO rooms SELECT to_char(100 + n, 'FM000'), 2 FROM generate_series(1, 12) n;
INSERT INTO bookings (id, guest_id) SELECT n, 1 + n % 30 FROM generate_series(1, 20) n;
INSERT INTO nights SELECT to_char(100 + n, 'FM000'), '2026-05-01'::date + k, NULL
FROM generate_series(1, 12) n, generate_series(0, 9) k;
UPDATE nights SET booking_id = 1 WHERE room = '101' AND night < '2026-05-03';
UPDATE nights SET booking_id = 2 WHERE room = '102' AND night < '2026-05-03';
INSERT INTO shows SELECT n, 'Show ' || n FROM generate_series(1, 8) n;
INSERT INTO seats SELECT s, chr(64 + r) || p FROM generate_series(1, 8) s, generate_series(1, 3) r, generate_series(1, 6) p;
INSERT INTO tickets (show_id, place, guest_id) VALUES (8, 'A1', 1), (8, 'A2', 2), (7, 'A1', 3);
INSERT INTO things SELECT n, 'Thing ' || n, 20, 'hall' FROM generate_series(1, 15) n;
INSERT INTO loans SELECT n, n, 1 FROM generate_series(1, 10) n;
INSERT INTO threads SELECT n, 'Subject ' || n FROM generate_series(1, 10) n;
INSERT INTO messages (thread_id, sender, body) SELECT 1 + n % 10, n, 'Hello' FROM generate_series(1, 30) n;
INSERT INTO outbox (id, topic) SELECT n, 'mail' FROM generate_series(1, 12) n;
INSERT INTO lockers SELECT n, NULL FROM generate_series(1, 12) n;
INSERT INTO shifts SELECT '2026-05-01'::date + d, station
FROM generate_series(0, 4) d, unnest(ARRAY['bar', 'desk', 'kitchen']) station;
INSERT INTO tasks (id, title, day, station) SELECT n, 'Task ' || n, '2026-05-01', 'desk' FROM generate_series(1, 12) n;
INSERT INTO limits VALUES ('lockers', 100), ('rooms', 100), ('seats', 100), ('loans', 100), ('messages', 100);
INSERT INTO statistics VALUES ('2026-05-01', 0, 0), ('2026-05-02', 0, 0);
REFRESH MATERIALIZED VIEW busiest;
SELECT setval(pg_get_serial_sequence(name, 'id'), 1000) FROM unnest(ARRAY['guests', 'bookings', 'outbox', 'tasks']) name;
