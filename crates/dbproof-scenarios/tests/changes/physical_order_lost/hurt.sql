CLUSTER orders USING orders_user;
