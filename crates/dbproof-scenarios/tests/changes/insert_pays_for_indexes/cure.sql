DROP INDEX orders_1;
DROP INDEX orders_2;
DROP INDEX orders_3;
DROP INDEX orders_4;
DROP INDEX orders_5;
DROP INDEX orders_6;
DROP INDEX orders_7;
DROP INDEX orders_8;
