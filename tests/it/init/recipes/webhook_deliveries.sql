-- Deliveries of webhooks.
-- init finds: webhook_deliveries(webhook_deliveries)
-- app_webhook_deliveries_recently{class="2xx"} 44 to 50
-- app_webhook_deliveries_recently{class="4xx"} 0
-- app_webhook_deliveries_recently{class="5xx"} 8 to 9
-- app_webhook_deliveries_recently{class="none"} 5
-- app_webhook_deliveries_retried_recently 8 to 9
-- app_webhook_deliveries_failed_recently 10 to 11
-- app_webhook_deliveries_by_status{state="delivered"} 250
-- app_webhook_deliveries_by_status{state="failed"} 52
-- app_webhook_deliveries_by_status{state="pending"} 3

CREATE TABLE webhook_deliveries (
  id bigserial PRIMARY KEY,
  endpoint_id bigint NOT NULL,
  event_type text NOT NULL,
  payload jsonb NOT NULL DEFAULT '{}',
  status text NOT NULL,
  attempts integer NOT NULL DEFAULT 0,
  response_status integer,
  created_at timestamptz NOT NULL DEFAULT now()
);

-- One a minute. Every sixth was answered by 503 four times.
INSERT INTO webhook_deliveries (endpoint_id, event_type, status, attempts, response_status, created_at)
SELECT n % 7, 'order.paid', CASE WHEN n % 6 = 0 THEN 'failed' ELSE 'delivered' END, CASE WHEN n % 6 = 0 THEN 4 ELSE 1 END,
       CASE WHEN n % 6 = 0 THEN 503 ELSE 200 END, now() - n * interval '1 minute'
FROM generate_series(1, 300) n;
-- Two receivers could not be reached, and three deliveries were not tried yet.
INSERT INTO webhook_deliveries (endpoint_id, event_type, status, attempts)
VALUES (1, 'order.paid', 'failed', 1), (2, 'order.paid', 'failed', 1), (3, 'order.paid', 'pending', 0),
       (3, 'order.paid', 'pending', 0), (3, 'order.paid', 'pending', 0);
ANALYZE;
