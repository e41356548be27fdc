ALTER TABLE cars ALTER COLUMN maker SET STATISTICS 0;
-- What was known of it goes with it.
ALTER TABLE cars ALTER COLUMN maker TYPE bigint;
