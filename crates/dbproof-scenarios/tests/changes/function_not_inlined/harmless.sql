CREATE OR REPLACE FUNCTION done_orders() RETURNS SETOF orders LANGUAGE sql STABLE AS $$ SELECT o.* FROM orders o WHERE o.status = 'done' $$;
