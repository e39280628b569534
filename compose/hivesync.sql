-- HiveSync's initial data: accounts and thirty days of activity.
INSERT INTO users (id, username, email, created_at)
  SELECT n, 'user' || n, 'user' || n || '@example.com', now() - n * interval '1 hour' FROM generate_series(1, 2500) AS n;
INSERT INTO subscriptions (user_id, plan, status, trial_ends_at)
  SELECT n, 'pro', (ARRAY['active', 'trialing', 'expired', 'canceled'])[1 + n / 5 % 4], now() + interval '7 days'
  FROM generate_series(1, 2500, 5) AS n;
INSERT INTO projects (id, user_id, name) SELECT n, n, 'project' FROM generate_series(1, 600) AS n;
INSERT INTO sessions (user_id, kind, device_id, device_type, created_at, last_heartbeat_at)
  SELECT 1 + n % 2000, (ARRAY['login', 'live_view'])[1 + n % 2], 'device' || n % 500,
         (ARRAY['desktop', 'iPad', 'phone'])[1 + n % 3], at, at
  FROM generate_series(1, 4000) AS n, LATERAL (SELECT now() - n * interval '10 minutes' AS at) AS time;
INSERT INTO ai_usage_events (user_id, status, error_class, input_tokens, output_tokens, created_at, completed_at)
  SELECT 1 + n * n % 2000, CASE WHEN failed THEN 'failed' ELSE 'completed' END, CASE WHEN failed THEN 'timeout' END,
         1000 + n % 3000, 100 + n % 700, at, at + interval '4 seconds'
  FROM generate_series(1, 8000) AS n, LATERAL (SELECT now() - n * interval '5 minutes' AS at, n % 40 = 0 AS failed) AS event;
INSERT INTO preview_jobs (user_id, project_id, status, created_at, completed_at)
  SELECT 1 + n % 2000, 1 + n % 600, 'completed', at, at + interval '9 seconds'
  FROM generate_series(1, 3000) AS n, LATERAL (SELECT now() - n * interval '14 minutes' AS at) AS event;
