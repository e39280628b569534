-- Two seconds of HiveSync activity: occasional signups, users who stay online for a while, jobs that take some seconds,
-- a few of which fail. It needs 2001 users and a project. What is older than 40 days is deleted.
INSERT INTO users (id, username, email)
  SELECT 1 + max(id), 'user' || 1 + max(id), 'user' || 1 + max(id) || '@example.com' FROM users HAVING random() < 0.01;
INSERT INTO projects (id, user_id, name)
  SELECT 1 + max(id), 1 + (random() * 2000)::int, 'project' FROM projects HAVING random() < 0.02;
UPDATE sessions SET last_heartbeat_at = now()
  WHERE last_heartbeat_at > now() - interval '2 minutes' AND random() < 0.2;
UPDATE sessions SET last_heartbeat_at = now() - interval '3 minutes'
  WHERE last_heartbeat_at > now() - interval '2 minutes' AND random() < 0.00017;
INSERT INTO sessions (user_id, kind, device_id, device_type, last_heartbeat_at)
  SELECT 1 + (random() * 2000)::int, CASE WHEN random() < 0.3 THEN 'live_view' ELSE 'login' END,
         'device' || (random() * 500)::int, (ARRAY['desktop', 'iPad', 'phone'])[1 + (random() * 2)::int], now()
  WHERE random() < 0.14;
INSERT INTO ai_usage_events (user_id, status)
  SELECT 1 + (random() * random() * 2000)::int, 'queued' FROM generate_series(1, (random() * 0.75)::int);
INSERT INTO preview_jobs (user_id, project_id, status)
  SELECT 1 + (random() * random() * 2000)::int, 1, 'queued' FROM generate_series(1, (random() * 0.6)::int);
UPDATE ai_usage_events SET status = 'completed', completed_at = now(),
    input_tokens = 200 + (random() * 5000)::int, output_tokens = 50 + (random() * 1000)::int
  WHERE status = 'queued' AND created_at > now() - interval '1 minute' AND random() < 0.17;
UPDATE ai_usage_events SET status = 'failed', completed_at = now(),
    error_class = (ARRAY['provider_error', 'timeout', 'safety_rejection'])[1 + (random() * 2)::int]
  WHERE status = 'queued' AND created_at > now() - interval '1 minute' AND random() < 0.008;
UPDATE preview_jobs SET status = 'completed', completed_at = now()
  WHERE status = 'queued' AND created_at > now() - interval '1 minute' AND random() < 0.17;
UPDATE preview_jobs SET status = 'failed', error_class = 'build', completed_at = now()
  WHERE status = 'queued' AND created_at > now() - interval '1 minute' AND random() < 0.02;
DELETE FROM ai_usage_events WHERE created_at < now() - interval '40 days' AND (SELECT random()) < 0.01;
DELETE FROM preview_jobs WHERE created_at < now() - interval '40 days' AND (SELECT random()) < 0.01;
DELETE FROM sessions WHERE last_heartbeat_at < now() - interval '40 days' AND (SELECT random()) < 0.01;
