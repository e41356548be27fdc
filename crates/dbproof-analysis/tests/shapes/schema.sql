-- What the statements of shapes.sql read and write. Rows come from arithmetic, so that every
-- version has the same ones; the tables are small, so that a
-- capture takes seconds, and no larger than what ANALYZE reads whole (30,000 rows).
CREATE TABLE users (
    id int PRIMARY KEY, manager_id int, email text NOT NULL UNIQUE, country int NOT NULL, note text
);
CREATE TABLE orders (
    id int PRIMARY KEY, user_id int NOT NULL REFERENCES users, status int NOT NULL,
    total numeric NOT NULL, created_at timestamp NOT NULL, note text
);
CREATE TABLE products (id int PRIMARY KEY, name text NOT NULL, price numeric NOT NULL);
CREATE TABLE order_items (
    id int PRIMARY KEY, order_id int NOT NULL REFERENCES orders ON DELETE CASCADE,
    product_id int NOT NULL REFERENCES products, quantity int NOT NULL
);
CREATE TABLE categories (id int PRIMARY KEY, parent_id int, name text NOT NULL);
CREATE TABLE audit (at timestamp NOT NULL, order_id int NOT NULL);
CREATE TABLE tiny (id int PRIMARY KEY, label text NOT NULL);
-- Its visibility map is out of date, so that an index-only scan has to visit the heap.
CREATE TABLE stale (id int PRIMARY KEY, value int NOT NULL, note text) WITH (autovacuum_enabled = off);
CREATE TABLE events (id int NOT NULL, user_id int NOT NULL, at date NOT NULL, kind int NOT NULL)
    PARTITION BY RANGE (at);
CREATE TABLE events_2026_1 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
CREATE TABLE events_2026_2 PARTITION OF events FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
CREATE TABLE events_2026_3 PARTITION OF events FOR VALUES FROM ('2026-03-01') TO ('2026-04-01');
CREATE TABLE events_2026_4 PARTITION OF events FOR VALUES FROM ('2026-04-01') TO ('2026-05-01');
CREATE TABLE events_2026_5 PARTITION OF events FOR VALUES FROM ('2026-05-01') TO ('2026-06-01');
CREATE TABLE events_2026_6 PARTITION OF events FOR VALUES FROM ('2026-06-01') TO ('2026-07-01');
CREATE TABLE visits (id int NOT NULL, user_id int NOT NULL, at date NOT NULL) PARTITION BY RANGE (at);
CREATE TABLE visits_1 PARTITION OF visits FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
CREATE TABLE visits_2 PARTITION OF visits FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');

INSERT INTO users
    SELECT i, nullif(i / 10, 0), 'user' || i || '@example.org', i % 50, repeat('n', 60)
    FROM generate_series(1, 2000) i;
INSERT INTO products SELECT i, 'product ' || i, i % 97 FROM generate_series(1, 500) i;
INSERT INTO orders
    SELECT i, i * 7919 % 2000 + 1, i % 20, i % 997,
           timestamp '2026-01-01' + make_interval(mins => i * 13), repeat('o', 40)
    FROM generate_series(1, 20000) i;
INSERT INTO order_items
    SELECT i, i * 31 % 20000 + 1, i * 17 % 500 + 1, i % 5 FROM generate_series(1, 30000) i;
INSERT INTO categories SELECT i, nullif(i / 4, 0), 'category ' || i FROM generate_series(1, 400) i;
INSERT INTO tiny SELECT i, 'label ' || i FROM generate_series(1, 8) i;
INSERT INTO stale SELECT i, i % 100, repeat('s', 50) FROM generate_series(1, 5000) i;
INSERT INTO events
    SELECT i, i % 2000 + 1, date '2026-01-01' + i % 181, i % 9 FROM generate_series(1, 18000) i;
INSERT INTO visits
    SELECT i, i % 2000 + 1, date '2026-01-01' + i % 59 FROM generate_series(1, 6000) i;

CREATE INDEX orders_user ON orders (user_id);
CREATE INDEX orders_status ON orders (status);
CREATE INDEX orders_user_created ON orders (user_id, created_at);
CREATE INDEX orders_status_total ON orders (status, total);
CREATE INDEX order_items_quantity_product ON order_items (quantity, product_id);
CREATE INDEX order_items_order ON order_items (order_id);
CREATE INDEX events_at ON events (at);
CREATE INDEX events_user ON events (user_id);
CREATE INDEX categories_parent ON categories (parent_id);

CREATE FUNCTION record_order() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO audit VALUES (now(), NEW.id);
    RETURN NEW;
END $$;
CREATE FUNCTION round_total() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.total := (SELECT round(NEW.total + count(*) * 0) FROM tiny);
    RETURN NEW;
END $$;
CREATE TRIGGER orders_recorded AFTER INSERT OR UPDATE ON orders
    FOR EACH ROW EXECUTE FUNCTION record_order();
CREATE TRIGGER orders_rounded BEFORE UPDATE ON orders
    FOR EACH ROW EXECUTE FUNCTION round_total();

DO $$
BEGIN
    IF current_setting('server_version_num')::int >= 180000 THEN
        EXECUTE 'CREATE TABLE computed
            (id int PRIMARY KEY, doubled int GENERATED ALWAYS AS (id * 2) VIRTUAL)';
        EXECUTE 'INSERT INTO computed SELECT i FROM generate_series(1, 500) i';
    END IF;
END $$;
