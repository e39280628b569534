-- The demo's shop.
CREATE TABLE orders (id serial PRIMARY KEY, cents int NOT NULL, created_at timestamptz NOT NULL DEFAULT now());
CREATE INDEX ON orders (created_at);
INSERT INTO orders (cents, created_at)
  SELECT 500 + n * 7, now() - n * interval '10 seconds' FROM generate_series(1, 500) AS n;
