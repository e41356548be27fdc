CLUSTER orders USING orders_created;
