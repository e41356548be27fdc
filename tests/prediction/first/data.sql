INSERT INTO settings VALUES ('currency', 'EUR'), ('transfers', 'on'), ('season', 'winter'), ('opening', '9 to 5'),
    ('bookkeeping', 'open');
INSERT INTO counters VALUES ('orders', 500), ('signups', 20), ('reviews', 0), ('payments', 0), ('visits', 0);
INSERT INTO users (id, email, name) SELECT n, 'user' || n || '@example.com', 'User ' || n FROM generate_series(1, 20) n;
-- Account 1 is the shop's own.
INSERT INTO accounts (id, user_id, balance) SELECT n, n, 1000 FROM generate_series(1, 20) n;
INSERT INTO payments (id, account_id, amount, reference) SELECT n, n, 10, 'P' || n FROM generate_series(1, 20) n;
INSERT INTO warehouses VALUES (1, 'Ghent'), (2, 'Turku'), (3, 'Porto');
INSERT INTO products (id, sku, name, price)
SELECT n, 'SKU-' || n, 'Product ' || n, 10 + n FROM generate_series(1, 20) n;
INSERT INTO stock SELECT p, w, 100 FROM generate_series(1, 20) p, generate_series(1, 3) w;
INSERT INTO orders (id, user_id) SELECT n, 1 + n % 20 FROM generate_series(1, 30) n;
INSERT INTO order_lines (order_id, product_id, pieces)
SELECT o, 1 + (o + k) % 20, 1 + k FROM generate_series(1, 30) o, generate_series(0, 1) k;
INSERT INTO shipments (order_id, carrier) SELECT n, 'post' FROM generate_series(21, 25) n;
INSERT INTO reviews (product_id, user_id, stars) SELECT n, n, 4 FROM generate_series(1, 20) n;
INSERT INTO tags (id, name) VALUES (1, 'sale'), (2, 'new'), (3, 'gift'), (4, 'garden');
INSERT INTO product_tags SELECT n, 1 + n % 4 FROM generate_series(1, 20) n;
INSERT INTO coupons VALUES ('SPRING', 100), ('WELCOME', 100), ('VIP', 5);
INSERT INTO jobs (id, kind, user_id) SELECT n, 'mail', n FROM generate_series(1, 20) n;
INSERT INTO events (day, kind, user_id)
SELECT '2026-01-10'::date + 2 * n, 'visit', n FROM generate_series(1, 20) n;
INSERT INTO suppliers (id, name) SELECT n, 'Supplier ' || n FROM generate_series(1, 12) n;
INSERT INTO contracts (id, supplier_id) SELECT n, n FROM generate_series(1, 12) n;
INSERT INTO budgets SELECT n, 0 FROM generate_series(1, 12) n;
INSERT INTO regions SELECT n, 'Region ' || n FROM generate_series(1, 12) n;
SELECT setval(pg_get_serial_sequence(name, 'id'), 1000)
FROM unnest(ARRAY['users', 'accounts', 'payments', 'products', 'orders', 'shipments', 'tags', 'jobs', 'suppliers',
    'contracts']) name;
