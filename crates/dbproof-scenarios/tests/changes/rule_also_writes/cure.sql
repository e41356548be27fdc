DROP RULE copy ON orders;
