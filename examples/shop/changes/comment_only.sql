-- A change that no plan notices.
COMMENT ON TABLE orders IS 'One row for each order placed, cancelled ones included.';
