ALTER TABLE archive INHERIT orders;
