COMMENT ON TABLE archive IS 'old orders';
