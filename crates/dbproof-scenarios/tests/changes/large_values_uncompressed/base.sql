CREATE TABLE docs (id int PRIMARY KEY, kind int NOT NULL, body text NOT NULL);
INSERT INTO docs SELECT i, i % 50, repeat('lorem ipsum ' || i % 7, 1500) FROM generate_series(1, 1000) i;
CREATE INDEX docs_kind ON docs (kind);
