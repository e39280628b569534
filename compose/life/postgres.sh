# An order every second, and a question about them.
PGPASSWORD=$(cat /run/secrets/postgres_password)
export PGPASSWORD
while sleep 1; do
  psql -qAt -h postgres -U shop shop -c "INSERT INTO orders (cents) VALUES (500 + (random() * 5000)::int)" \
    -c "SELECT count(*) FROM orders" >/dev/null
done
