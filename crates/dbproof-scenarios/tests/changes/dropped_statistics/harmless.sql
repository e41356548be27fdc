ALTER STATISTICS cars_kind RENAME TO cars_variant;
