-- An outbox.
-- init finds: outbox(outbox_events)
-- app_outbox_events_waiting 20
-- app_outbox_events_oldest_seconds 600 to 900
-- app_outbox_events_published_recently 50 to 59
-- app_outbox_events_retried 3

CREATE TABLE outbox_events (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  aggregate_type text NOT NULL,
  aggregate_id text NOT NULL,
  event_type text NOT NULL,
  payload jsonb NOT NULL DEFAULT '{}',
  attempts integer NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL DEFAULT now(),
  processed_at timestamptz
);

INSERT INTO outbox_events (aggregate_type, aggregate_id, event_type, created_at, processed_at, attempts)
SELECT 'order', n, 'order.created', now() - n * interval '1 minute', now() - n * interval '1 minute', 1
FROM generate_series(1, 300) n;
INSERT INTO outbox_events (aggregate_type, aggregate_id, event_type, created_at, attempts)
SELECT 'order', n, 'order.paid', now() - n * interval '30 seconds', CASE WHEN n > 17 THEN 4 ELSE 0 END
FROM generate_series(1, 20) n;
ANALYZE;
