-- The tables that every client's application reads, and rows that are the same in every run.
-- Keys are small integers that begin at 1 in each table on purpose: an order, a user and an item can
-- have the same number, so that a value alone proves nothing about where it came from.
CREATE TABLE users (
    id bigint PRIMARY KEY,
    name text NOT NULL,
    email text NOT NULL UNIQUE
);

CREATE TABLE products (
    id bigint PRIMARY KEY,
    name text NOT NULL,
    price_cents integer NOT NULL,
    stock integer NOT NULL
);

CREATE TABLE orders (
    id bigint PRIMARY KEY,
    user_id bigint NOT NULL REFERENCES users (id),
    status text NOT NULL,
    created_at timestamptz NOT NULL
);

CREATE TABLE order_items (
    id bigint PRIMARY KEY,
    order_id bigint NOT NULL REFERENCES orders (id),
    product_id bigint NOT NULL REFERENCES products (id),
    quantity integer NOT NULL
);

CREATE INDEX orders_user_id ON orders (user_id);
CREATE INDEX order_items_order_id ON order_items (order_id);

INSERT INTO users
SELECT n, 'User ' || n, 'user' || n || '@example.com'
FROM generate_series(1, 60) AS n;

INSERT INTO products
SELECT n, 'Product ' || n, 100 + n * 7, 1000
FROM generate_series(1, 40) AS n;

-- 37 and 60 have no common divisor, so that sixty orders in a row are those of sixty users, and
-- every user has four orders.
INSERT INTO orders
SELECT n, 1 + n * 37 % 60, CASE WHEN n % 4 = 0 THEN 'pending' ELSE 'shipped' END,
       timestamptz '2026-01-01 00:00:00+00' + n * interval '1 hour'
FROM generate_series(1, 240) AS n;

-- One to four items an order, in all 600.
INSERT INTO order_items
SELECT row_number() OVER (ORDER BY n, item), n, 1 + (n * 7 + item * 11) % 40, 1 + (n + item) % 5
FROM generate_series(1, 240) AS n, generate_series(1, 1 + n % 4) AS item;

ANALYZE;
