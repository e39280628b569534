# HiveSync's own database: tables, rows, indexes, and the roles of the exporter, its daily roll-up and Grafana.
createdb -U "$POSTGRES_USER" hivesync
for script in schema rows role roll_up indexes; do
  psql -q -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d hivesync -f "${FILES:-/hivesync}/$script.sql" || exit 1
done
read_secret() { cat "${SECRETS:-/run/secrets}/$1"; }
psql -q -v ON_ERROR_STOP=1 -v exporter="$(read_secret hivesync_password)" \
  -v roll_up="$(read_secret hivesync_roll_up_password)" -v grafana="$(read_secret grafana_postgres_password)" \
  -U "$POSTGRES_USER" -d hivesync <<'SQL'
ALTER ROLE platform_exporter PASSWORD :'exporter';
ALTER ROLE platform_roll_up PASSWORD :'roll_up';
ALTER ROLE grafana_hivesync PASSWORD :'grafana';
SQL
