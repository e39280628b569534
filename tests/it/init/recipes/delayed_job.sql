-- The table of Delayed Job.
-- init finds: delayed_job(delayed_jobs)
-- app_delayed_job_ready{queue="default"} 40
-- app_delayed_job_ready{queue="mailers"} 12
-- app_delayed_job_running{queue="default"} 5
-- app_delayed_job_running{queue="mailers"} 0
-- app_delayed_job_retrying{queue="default"} 7
-- app_delayed_job_retrying{queue="mailers"} 0
-- app_delayed_job_oldest_seconds{queue="default"} 1200 to 1500
-- app_delayed_job_oldest_seconds{queue="mailers"} 60 to 360
-- app_delayed_job_failed 20
-- app_delayed_job_failed_recently 4

CREATE TABLE delayed_jobs (
  id bigserial PRIMARY KEY,
  priority integer NOT NULL DEFAULT 0,
  attempts integer NOT NULL DEFAULT 0,
  handler text NOT NULL DEFAULT '---',
  last_error text,
  run_at timestamp,
  locked_at timestamp,
  failed_at timestamp,
  locked_by varchar,
  queue varchar,
  created_at timestamp(6) DEFAULT (now() AT TIME ZONE 'UTC'),
  updated_at timestamp(6) DEFAULT (now() AT TIME ZONE 'UTC')
);

-- Without a queue, as by default, and in one.
INSERT INTO delayed_jobs (run_at)
SELECT (now() AT TIME ZONE 'UTC') - n * interval '30 seconds' FROM generate_series(1, 40) n;
INSERT INTO delayed_jobs (queue, run_at)
SELECT 'mailers', (now() AT TIME ZONE 'UTC') - n * interval '5 seconds' FROM generate_series(1, 12) n;
-- What is not due, what runs, what will be tried again.
INSERT INTO delayed_jobs (run_at)
SELECT (now() AT TIME ZONE 'UTC') + n * interval '1 hour' FROM generate_series(1, 200) n;
INSERT INTO delayed_jobs (run_at, locked_at, locked_by)
SELECT t - interval '1 hour', t, 'host:web pid:1' FROM generate_series(1, 5), (SELECT now() AT TIME ZONE 'UTC' AS t) times;
INSERT INTO delayed_jobs (attempts, last_error, run_at)
SELECT 3, 'timeout', (now() AT TIME ZONE 'UTC') + interval '10 minutes' FROM generate_series(1, 7);
-- One every 12 minutes: four within an hour.
INSERT INTO delayed_jobs (attempts, last_error, run_at, failed_at)
SELECT 25, 'timeout', t, t
FROM generate_series(1, 20) n, LATERAL (SELECT (now() AT TIME ZONE 'UTC') - n * interval '12 minutes' AS t) times;
ANALYZE;
