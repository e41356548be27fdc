CREATE TABLE cars (id int PRIMARY KEY, maker int, model int, engine int, note text);
INSERT INTO cars SELECT i, i % 50, i % 50, i % 50, repeat('c', 20) FROM generate_series(1, 20000) AS i;
CREATE TABLE trips (id int PRIMARY KEY, car_id int NOT NULL, length int NOT NULL);
INSERT INTO trips SELECT i, 1 + (i * 7919) % 20000, i % 300 FROM generate_series(1, 60000) AS i;
CREATE INDEX trips_car ON trips (car_id);
CREATE STATISTICS cars_kind (dependencies) ON maker, model, engine FROM cars;
