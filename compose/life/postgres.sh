# An order and a query every two seconds, and activity in HiveSync. Orders of the last two days are kept.
PGPASSWORD=$(cat "${SECRETS:-/run/secrets}/postgres_password")
export PGPASSWORD
while sleep 2; do
  psql -qAt -d shop -c "INSERT INTO orders (cents) VALUES (500 + (random() * 5000)::int)" \
    -c "DELETE FROM orders WHERE created_at < now() - interval '2 days'" -c "SELECT count(*) FROM orders" >/dev/null
  psql -qAt -d hivesync -f "${FILES:-/hivesync}/life.sql" >/dev/null
done
