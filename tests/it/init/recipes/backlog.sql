-- Orders, of which some wait for their payment, and changes of a status, which do not wait.
-- init does not find: backlog(flips)
-- init finds: backlog(orders) states(orders) growth(orders)
-- app_orders_waiting 20
-- app_orders_oldest_waiting_seconds 600 to 900
-- app_orders_by_status{state="pending"} 20
-- app_orders_by_status{state="paid"} 300
-- app_orders_new{window="24h"} 320
-- app_orders_new{window="7d"} 320

CREATE TABLE orders (
  id bigserial PRIMARY KEY,
  status text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);

INSERT INTO orders (status, created_at) SELECT 'pending', now() - n * interval '30 seconds' FROM generate_series(1, 20) n;
INSERT INTO orders (status, created_at) SELECT 'paid', now() - n * interval '1 minute' FROM generate_series(1, 300) n;

CREATE TABLE flips (id bigserial PRIMARY KEY, old_status text NOT NULL, new_status text NOT NULL, created_at timestamptz NOT NULL);

INSERT INTO flips (old_status, new_status, created_at)
SELECT (ARRAY['new', 'failed'])[1 + n % 2], 'active', now() - n * interval '1 minute' FROM generate_series(1, 200) n;
ANALYZE;
