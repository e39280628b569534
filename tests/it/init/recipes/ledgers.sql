-- Credits that are bought and spent.
-- app_credit_transactions_credits_by_type{type="purchase"} 5000
-- app_credit_transactions_credits_by_type{type="usage"} -500
-- app_credit_transactions_price_cents_by_type{type="purchase"} 499.5

CREATE TABLE credit_transactions (id bigserial PRIMARY KEY, type text NOT NULL, credits int NOT NULL, price_cents int, created_at timestamptz NOT NULL);

INSERT INTO credit_transactions (type, credits, price_cents, created_at)
SELECT (ARRAY['purchase', 'usage'])[1 + n % 2], CASE WHEN n % 2 = 0 THEN 100 ELSE -10 END, CASE WHEN n % 2 = 0 THEN 999 END, now()
FROM generate_series(1, 100) n;
ANALYZE;
