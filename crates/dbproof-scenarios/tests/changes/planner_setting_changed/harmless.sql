DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET random_page_cost = 3.9', current_database()); END $$;
