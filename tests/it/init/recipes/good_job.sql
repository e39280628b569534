-- The tables of GoodJob.
-- init finds: good_job(good_job_processes,good_jobs)
-- workers_alive{class="good_job"} 1
-- app_good_job_ready{queue="default"} 40
-- app_good_job_ready{queue="mailers"} 12
-- app_good_job_oldest_seconds{queue="default"} 1200 to 1500
-- app_good_job_oldest_seconds{queue="mailers"} 60 to 360
-- app_good_job_failed_recently 4

CREATE TABLE good_jobs (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  queue_name text,
  priority integer,
  serialized_params jsonb,
  scheduled_at timestamp(6),
  performed_at timestamp(6),
  finished_at timestamp(6),
  error text,
  created_at timestamp(6) NOT NULL,
  updated_at timestamp(6) NOT NULL,
  job_class text,
  executions_count integer
);
CREATE TABLE good_job_processes (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  created_at timestamp(6) NOT NULL,
  updated_at timestamp(6) NOT NULL,
  state jsonb,
  lock_type smallint
);
CREATE TABLE good_job_batches (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  created_at timestamp(6) NOT NULL,
  updated_at timestamp(6) NOT NULL,
  finished_at timestamp(6)
);
CREATE TABLE good_job_settings (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  created_at timestamp(6) NOT NULL,
  updated_at timestamp(6) NOT NULL,
  key text,
  value jsonb
);

INSERT INTO good_jobs (queue_name, created_at, updated_at)
SELECT 'default', t, t FROM generate_series(1, 40) n, LATERAL (SELECT (now() AT TIME ZONE 'UTC') - n * interval '30 seconds' AS t) times;
INSERT INTO good_jobs (queue_name, scheduled_at, created_at, updated_at)
SELECT 'mailers', now - n * interval '5 seconds', now - interval '1 day', now
FROM generate_series(1, 12) n, (SELECT now() AT TIME ZONE 'UTC' AS now) times;
-- What is not due, runs, has succeeded, was given up: one every 12 minutes, four within an hour.
INSERT INTO good_jobs (queue_name, scheduled_at, created_at, updated_at)
SELECT 'default', now + n * interval '1 hour', now, now
FROM generate_series(1, 30) n, (SELECT now() AT TIME ZONE 'UTC' AS now) times;
INSERT INTO good_jobs (queue_name, performed_at, created_at, updated_at)
SELECT 'default', now, now - interval '1 hour', now FROM generate_series(1, 5), (SELECT now() AT TIME ZONE 'UTC' AS now) times;
INSERT INTO good_jobs (queue_name, performed_at, finished_at, created_at, updated_at)
SELECT 'default', t, t, t, t FROM generate_series(1, 300) n, LATERAL (SELECT (now() AT TIME ZONE 'UTC') - n * interval '1 minute' AS t) times;
INSERT INTO good_jobs (queue_name, performed_at, finished_at, error, created_at, updated_at)
SELECT 'default', t, t, 'Timeout', t, t
FROM generate_series(1, 20) n, LATERAL (SELECT (now() AT TIME ZONE 'UTC') - n * interval '12 minutes' AS t) times;
-- Processes that take no advisory lock: one is alive, one died an hour ago.
INSERT INTO good_job_processes (created_at, updated_at, state)
SELECT t, t, jsonb_build_object('hostname', 'web', 'pid', n, 'schedulers', '[{"active_threads": 2, "max_threads": 5}]'::jsonb)
FROM generate_series(1, 2) n, LATERAL (SELECT (now() AT TIME ZONE 'UTC') - (n - 1) * interval '1 hour' AS t) times;
INSERT INTO good_job_settings (created_at, updated_at, key) VALUES (now() AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC', 'cron');
ANALYZE;
