CREATE TABLE products (id int PRIMARY KEY, sku text NOT NULL, title text NOT NULL);
INSERT INTO products SELECT i, 'sku-' || i, repeat('t', 60) FROM generate_series(1, 20000) AS i;
CREATE INDEX products_sku ON products (sku);
