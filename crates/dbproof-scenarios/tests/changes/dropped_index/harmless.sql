-- The same index by another name.
ALTER INDEX orders_user RENAME TO orders_by_user;
