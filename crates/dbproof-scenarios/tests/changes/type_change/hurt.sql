-- char(n) is compared with text by casting the column.
ALTER TABLE products ALTER COLUMN sku TYPE char(12);
