#!/usr/bin/env bash
# The image's entrypoint runs this once, after 20-grafana-reader.sql has created the role: sets the role's password.
set -euo pipefail
psql -X -q -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d "$POSTGRES_DB" << 'SQL'
\set password `printenv GRAFANA_DB_PASSWORD`
ALTER ROLE grafana_reader PASSWORD :'password';
SQL
