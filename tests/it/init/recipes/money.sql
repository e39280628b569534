-- Payments in cents.
-- init finds: money(payments) failures(payments) states(payments) growth(payments)
-- app_payments_amount{currency="EUR"} 380.00
-- app_payments_amount{currency="USD"} 24.00
-- app_payments_failed_recently 0
-- app_payments_by_status{state="succeeded"} 270
-- app_payments_by_status{state="failed"} 30
-- app_payments_new{window="24h"} 24
-- app_payments_new{window="7d"} 170

CREATE TABLE payments (
  id bigserial PRIMARY KEY,
  amount_cents integer NOT NULL,
  currency text NOT NULL,
  status text NOT NULL,
  created_at timestamptz NOT NULL
);

-- One every 59 minutes. Every tenth was declined, and every twelfth was in dollars: 20 in euros and 2 in dollars were
-- paid within a day.
INSERT INTO payments (amount_cents, currency, status, created_at)
SELECT CASE WHEN n % 12 = 0 THEN 1200 ELSE 1900 END, CASE WHEN n % 12 = 0 THEN 'usd' ELSE 'eur' END,
       CASE WHEN n % 10 = 0 THEN 'failed' ELSE 'succeeded' END, now() - n * interval '59 minutes'
FROM generate_series(1, 300) n;
ANALYZE;
