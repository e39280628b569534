# HiveSync's own database: tables, rows, indexes, and the exporter's read-only role.
createdb -U "$POSTGRES_USER" hivesync
for script in schema rows role indexes; do
  psql -q -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d hivesync -f "${FILES:-/hivesync}/$script.sql" || exit 1
done
psql -q -v ON_ERROR_STOP=1 -v password="$(cat "${SECRETS:-/run/secrets}/hivesync_password")" \
  -U "$POSTGRES_USER" -d hivesync <<'SQL'
ALTER ROLE platform_exporter PASSWORD :'password';
SQL
