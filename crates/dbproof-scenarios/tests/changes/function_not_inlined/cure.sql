CREATE OR REPLACE FUNCTION done_orders() RETURNS SETOF orders LANGUAGE sql STABLE AS $$ SELECT * FROM orders WHERE status = 'done' $$;
