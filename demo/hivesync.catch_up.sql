-- Two minutes of HiveSync activity, up to now: jobs that were completed after ten seconds.
INSERT INTO ai_usage_events (user_id, status, created_at, completed_at, input_tokens, output_tokens)
  SELECT 1 + (random() * random() * 2000)::int, 'completed', at, at + interval '10 seconds',
         200 + (random() * 5000)::int, 50 + (random() * 1000)::int
  FROM (SELECT now() - interval '10 seconds' - random() * interval '110 seconds' AS at FROM generate_series(1, 22)) AS minutes;
INSERT INTO preview_jobs (user_id, project_id, status, created_at, completed_at)
  SELECT 1 + (random() * random() * 2000)::int, 1, 'completed', at, at + interval '10 seconds'
  FROM (SELECT now() - interval '10 seconds' - random() * interval '110 seconds' AS at FROM generate_series(1, 9)) AS minutes;
