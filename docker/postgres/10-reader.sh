#!/bin/sh
# Run once by the image, as the store's folder is made: the role that Grafana reads with. It may read
# everything, also the tables that dbproof makes later, and write nothing.
set -eu

# A password is passed as a variable and quoted by psql, so that it may hold anything.
psql --no-psqlrc --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" \
    --set "password=$GRAFANA_READER_PASSWORD" <<'SQL'
CREATE ROLE grafana LOGIN PASSWORD :'password' CONNECTION LIMIT 20;
GRANT pg_read_all_data TO grafana;
ALTER ROLE grafana SET default_transaction_read_only = on;
ALTER ROLE grafana SET statement_timeout = '30s';
SQL
