-- Contracts, one cancelled each hour, of which the newest for half an hour; another reason comes later.
-- app_contracts_by_cancellation_reason{reason="unused",window="24h"} 12
-- app_contracts_by_cancellation_reason{reason="fraud",window="7d"} 84
-- as the owner: INSERT INTO contracts (cancellation_reason, cancelled_at) VALUES ('moved in with Eudora', now()), (NULL, now())
-- app_contracts_by_cancellation_reason{reason="other",window="24h"} 1

CREATE TABLE contracts (id serial PRIMARY KEY, cancellation_reason text, cancelled_at timestamptz);

INSERT INTO contracts (cancellation_reason, cancelled_at)
SELECT (ARRAY['unused', 'fraud'])[1 + n % 2], now() - n * interval '1 hour' - interval '30 minutes' FROM generate_series(0, 299) n;
ANALYZE;
