#!/usr/bin/env bash
# Sets the password of the role grafana_reader. The image's entrypoint runs this script once, after 20-grafana-reader.sql has
# created the role.
set -euo pipefail
psql -X -q -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d "$POSTGRES_DB" << 'SQL'
\set password `printenv GRAFANA_DB_PASSWORD`
ALTER ROLE grafana_reader PASSWORD :'password';
SQL
