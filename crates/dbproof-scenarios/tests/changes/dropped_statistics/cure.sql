CREATE STATISTICS cars_variant (dependencies) ON maker, model, engine FROM cars;
