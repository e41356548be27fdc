ALTER INDEX orders_user_created RENAME TO orders_of_user;
