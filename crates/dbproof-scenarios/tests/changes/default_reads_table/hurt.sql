ALTER TABLE orders ALTER COLUMN id SET DEFAULT next_number();
