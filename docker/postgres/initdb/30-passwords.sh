#!/usr/bin/env bash
# Run once, by the image's entrypoint, after 20-grafana-reader.sql has made the role: its password.
set -euo pipefail
psql -X -q -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d "$POSTGRES_DB" << 'SQL'
\set password `printenv GRAFANA_DB_PASSWORD`
ALTER ROLE grafana_reader PASSWORD :'password';
SQL
