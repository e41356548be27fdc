CREATE FUNCTION check_limit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT count(*) FROM orders WHERE user_id = NEW.user_id) > 1000 THEN
        RAISE EXCEPTION 'too many orders';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER orders_limit BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION check_limit();
