-- Orders: 10 of this week, 70 of the one before.
-- app_orders_in_week{week="present"} 10
-- app_orders_in_week{week="previous"} 70

CREATE TABLE orders (id bigserial PRIMARY KEY, created_at timestamptz NOT NULL);

INSERT INTO orders (created_at) SELECT now() - n * interval '10 hours' FROM generate_series(1, 10) n;
INSERT INTO orders (created_at) SELECT now() - interval '8 days' - n * interval '1 hour' FROM generate_series(1, 70) n;
ANALYZE;
