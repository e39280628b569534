-- The tables of Laravel's queue.
-- init finds: laravel_jobs(failed_jobs,jobs)
-- app_laravel_jobs_ready{queue="default"} 40
-- app_laravel_jobs_ready{queue="emails"} 12
-- app_laravel_jobs_running{queue="default"} 5
-- app_laravel_jobs_running{queue="emails"} 0
-- app_laravel_jobs_retrying{queue="default"} 7
-- app_laravel_jobs_retrying{queue="emails"} 0
-- app_laravel_jobs_oldest_seconds{queue="default"} 1199 to 1500
-- app_laravel_jobs_oldest_seconds{queue="emails"} 59 to 360
-- app_laravel_jobs_failed 20
-- app_laravel_jobs_failed_recently 4

CREATE TABLE jobs (
  id bigserial PRIMARY KEY,
  queue varchar(255) NOT NULL,
  payload text NOT NULL DEFAULT '{}',
  attempts smallint NOT NULL DEFAULT 0,
  reserved_at integer,
  available_at integer NOT NULL,
  created_at integer NOT NULL
);
CREATE TABLE job_batches (
  id varchar(255) PRIMARY KEY,
  name varchar(255) NOT NULL,
  total_jobs integer NOT NULL,
  pending_jobs integer NOT NULL,
  failed_jobs integer NOT NULL,
  failed_job_ids text NOT NULL,
  options text,
  cancelled_at integer,
  created_at integer NOT NULL,
  finished_at integer
);
CREATE TABLE failed_jobs (
  id bigserial PRIMARY KEY,
  uuid varchar(255) NOT NULL UNIQUE DEFAULT gen_random_uuid(),
  connection text NOT NULL DEFAULT 'database',
  queue text NOT NULL DEFAULT 'default',
  payload text NOT NULL DEFAULT '{}',
  exception text NOT NULL DEFAULT 'Exception',
  failed_at timestamp(0) NOT NULL DEFAULT CURRENT_TIMESTAMP
);

INSERT INTO jobs (queue, available_at, created_at)
SELECT 'default', t, t FROM generate_series(1, 40) n, LATERAL (SELECT extract(epoch FROM now()) - n * 30 AS t) times;
INSERT INTO jobs (queue, available_at, created_at)
SELECT 'emails', t, t FROM generate_series(1, 12) n, LATERAL (SELECT extract(epoch FROM now()) - n * 5 AS t) times;
-- What is not due, what runs, what will be tried again.
INSERT INTO jobs (queue, available_at, created_at)
SELECT 'default', t + n * 3600, t FROM generate_series(1, 200) n, (SELECT extract(epoch FROM now()) AS t) times;
INSERT INTO jobs (queue, attempts, reserved_at, available_at, created_at)
SELECT 'default', 1, t, t, t FROM generate_series(1, 5), (SELECT extract(epoch FROM now()) AS t) times;
INSERT INTO jobs (queue, attempts, available_at, created_at)
SELECT 'default', 2, t + 600, t FROM generate_series(1, 7), (SELECT extract(epoch FROM now()) AS t) times;
-- One every 12 minutes: four within an hour.
INSERT INTO failed_jobs (failed_at)
SELECT (now() AT TIME ZONE 'UTC') - n * interval '12 minutes' FROM generate_series(1, 20) n;
ANALYZE;
