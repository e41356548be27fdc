INSERT INTO tenants SELECT gen_random_uuid(), 'tenant ' || i FROM generate_series(1, 20) i;
INSERT INTO "user" (tenant_id, "order", "group", email, mood, settings, balance, address, avatar, active_during, born, c)
 SELECT t.id, i, 'secret group ' || i % 5, t.name || '-' || i || '@real.example', 'wild', '{"secret": 1}', random()*1000, '10.1.2.3', '\x0102', '[2024-01-01,2024-02-01)', date '1950-03-07' + i, 'abcd' FROM tenants t, generate_series(1, 50) i;
INSERT INTO node (parent_id, root_id, depth) SELECT CASE WHEN i > 1 THEN 1 END, 1, i % 10 FROM generate_series(1, 500) i;
INSERT INTO "Side Car"."Select" SELECT row_number() OVER (), u.tenant_id, u.id, random()*100, 'new', now(), now() + interval '1 day', random(), random(), random(), '10:00', '1 day', '08:00:2b:01:02:03', B'101', '<a/>' FROM "user" u, generate_series(1,2);
INSERT INTO chicken SELECT i FROM generate_series(1,30) i; INSERT INTO egg SELECT i, i FROM generate_series(1,30) i; UPDATE chicken SET egg_id = id;
BEGIN; INSERT INTO a SELECT i, i FROM generate_series(1,30) i; INSERT INTO b SELECT i, i FROM generate_series(1,30) i; COMMIT;
INSERT INTO membership SELECT n, e, '2024-01-01' FROM generate_series(1,300) n, generate_series(1,4) e;
INSERT INTO passport SELECT i, 'P' || i FROM generate_series(1,100) i;
INSERT INTO line SELECT n, p, 'words words' FROM generate_series(1,300) n, generate_series(1,4) p;
INSERT INTO event (at, kind) SELECT timestamptz '2024-01-01' + i * interval '1 hour', i % 3 FROM generate_series(0,4000) i;
INSERT INTO region SELECT i, 'r' || i, (ARRAY['a','b','c'])[1 + i % 3] FROM generate_series(1,90) i;
INSERT INTO odd_checks SELECT i, i, 'abcdefghij' || i FROM generate_series(1,40) i;
INSERT INTO small SELECT i, i, true FROM generate_series(1,99) i;
ANALYZE;
