CREATE RULE copy AS ON UPDATE TO orders DO ALSO INSERT INTO audit SELECT * FROM orders WHERE status = new.status;
