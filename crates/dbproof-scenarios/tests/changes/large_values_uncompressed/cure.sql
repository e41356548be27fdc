ALTER TABLE docs ALTER COLUMN body SET STORAGE MAIN;
UPDATE docs SET body = body || '';
CLUSTER docs USING docs_pkey;
