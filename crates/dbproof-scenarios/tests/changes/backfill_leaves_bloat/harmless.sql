-- A constant default is kept in the catalog; no row is written.
ALTER TABLE orders ADD COLUMN paid boolean NOT NULL DEFAULT true;
