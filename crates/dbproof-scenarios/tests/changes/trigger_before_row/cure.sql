DROP TRIGGER orders_limit ON orders;
