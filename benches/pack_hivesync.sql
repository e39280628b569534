-- A HiveSync with :users users and ten activity rows each, most within the last thirty days, some within ninety.

INSERT INTO users SELECT id, 'user' || id, 'user' || id || '@example.com', now() - interval '90 days'
FROM generate_series(1, :users) AS id;

INSERT INTO subscriptions (user_id, plan, status, trial_ends_at)
SELECT id, 'pro', (ARRAY['active', 'trialing', 'expired', 'canceled'])[1 + id % 4],
       now() + (id % 40 - 20) * interval '1 day'
FROM generate_series(1, :users) AS id WHERE id % 5 > 1;

INSERT INTO projects SELECT id, id, 'project', now() FROM generate_series(1, :users) AS id;

-- Three sessions for each user; one user in five is online.
INSERT INTO sessions (user_id, kind, device_id, device_type, created_at, last_heartbeat_at)
SELECT 1 + number % :users, CASE WHEN number % 4 = 0 THEN 'live_view' ELSE 'login' END, 'device' || number,
       (ARRAY['desktop', 'ipad', 'phone', NULL])[1 + number % 4],
       now() - sqrt(random()) * random() * interval '90 days',
       CASE WHEN number < :users / 5 THEN now() + interval '1 day' ELSE now() - random() * interval '90 days' - interval '1 hour' END
FROM generate_series(0, 3 * :users - 1) AS number;

-- Five AI requests per user, unevenly distributed.
INSERT INTO ai_usage_events (user_id, status, error_class, input_tokens, output_tokens, created_at, completed_at)
SELECT 1 + floor(random() * random() * :users), CASE WHEN number % 50 = 0 THEN 'failed' ELSE 'completed' END,
       CASE WHEN number % 50 = 0 THEN 'timeout' END, 2000, 500, at, at + random() * interval '30 seconds'
FROM generate_series(1, 5 * :users) AS number, LATERAL (SELECT now() - random() * interval '45 days' AS at WHERE number > 0) AS time;

-- Two previews.
INSERT INTO preview_jobs (user_id, project_id, status, created_at, completed_at)
SELECT 1 + floor(random() * :users), 1, CASE WHEN number % 100 = 0 THEN 'failed' ELSE 'completed' END,
       at, at + random() * interval '60 seconds'
FROM generate_series(1, 2 * :users) AS number, LATERAL (SELECT now() - random() * interval '45 days' AS at WHERE number > 0) AS time;
