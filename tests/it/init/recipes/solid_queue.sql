-- The tables of Solid Queue that a job goes through, and some of the others.
-- init finds: solid_queue(solid_queue_blocked_executions,solid_queue_claimed_executions,solid_queue_failed_executions,solid_queue_jobs,solid_queue_processes,solid_queue_ready_executions,solid_queue_scheduled_executions)
-- workers_alive{class="solid_queue"} 2
-- app_solid_queue_ready{queue="default"} 40
-- app_solid_queue_ready{queue="mailers"} 12
-- app_solid_queue_oldest_seconds{queue="default"} 1200 to 1500
-- app_solid_queue_oldest_seconds{queue="mailers"} 60 to 360
-- app_solid_queue_due 3
-- app_solid_queue_failed 20
-- app_solid_queue_failed_recently 4
-- app_solid_queue_processes{kind="worker"} 2
-- app_solid_queue_processes{kind="dispatcher"} 1
-- app_solid_queue_processes{kind="supervisor"} 1

CREATE TABLE solid_queue_jobs (
  id bigserial PRIMARY KEY,
  queue_name varchar NOT NULL,
  class_name varchar NOT NULL,
  arguments text,
  priority integer NOT NULL DEFAULT 0,
  active_job_id varchar,
  scheduled_at timestamp(6),
  finished_at timestamp(6),
  concurrency_key varchar,
  created_at timestamp(6) NOT NULL,
  updated_at timestamp(6) NOT NULL
);
CREATE TABLE solid_queue_ready_executions (
  id bigserial PRIMARY KEY,
  job_id bigint NOT NULL UNIQUE REFERENCES solid_queue_jobs ON DELETE CASCADE,
  queue_name varchar NOT NULL,
  priority integer NOT NULL DEFAULT 0,
  created_at timestamp(6) NOT NULL
);
CREATE TABLE solid_queue_claimed_executions (
  id bigserial PRIMARY KEY,
  job_id bigint NOT NULL UNIQUE REFERENCES solid_queue_jobs ON DELETE CASCADE,
  process_id bigint,
  created_at timestamp(6) NOT NULL
);
CREATE TABLE solid_queue_blocked_executions (
  id bigserial PRIMARY KEY,
  job_id bigint NOT NULL UNIQUE REFERENCES solid_queue_jobs ON DELETE CASCADE,
  queue_name varchar NOT NULL,
  priority integer NOT NULL DEFAULT 0,
  concurrency_key varchar NOT NULL,
  expires_at timestamp(6) NOT NULL,
  created_at timestamp(6) NOT NULL
);
CREATE TABLE solid_queue_scheduled_executions (
  id bigserial PRIMARY KEY,
  job_id bigint NOT NULL UNIQUE REFERENCES solid_queue_jobs ON DELETE CASCADE,
  queue_name varchar NOT NULL,
  priority integer NOT NULL DEFAULT 0,
  scheduled_at timestamp(6) NOT NULL,
  created_at timestamp(6) NOT NULL
);
CREATE TABLE solid_queue_failed_executions (
  id bigserial PRIMARY KEY,
  job_id bigint NOT NULL UNIQUE REFERENCES solid_queue_jobs ON DELETE CASCADE,
  error text,
  created_at timestamp(6) NOT NULL
);
CREATE TABLE solid_queue_processes (
  id bigserial PRIMARY KEY,
  kind varchar NOT NULL,
  last_heartbeat_at timestamp(6) NOT NULL,
  supervisor_id bigint,
  pid integer NOT NULL,
  hostname varchar,
  metadata text,
  created_at timestamp(6) NOT NULL,
  name varchar NOT NULL
);
CREATE TABLE solid_queue_pauses (
  id bigserial PRIMARY KEY,
  queue_name varchar NOT NULL UNIQUE,
  created_at timestamp(6) NOT NULL
);
CREATE TABLE solid_queue_semaphores (
  id bigserial PRIMARY KEY,
  key varchar NOT NULL UNIQUE,
  value integer NOT NULL DEFAULT 1,
  expires_at timestamp(6) NOT NULL,
  created_at timestamp(6) NOT NULL,
  updated_at timestamp(6) NOT NULL
);

-- Jobs 1 to 300 have finished; 301 to 340 and 341 to 352 wait; 353 to 357 run; 358 to 390 are scheduled, three of them
-- overdue; 391 to 410 have failed, one every 12 minutes: four within an hour.
INSERT INTO solid_queue_jobs (queue_name, class_name, created_at, updated_at, finished_at)
SELECT CASE WHEN n BETWEEN 341 AND 352 THEN 'mailers' ELSE 'default' END, 'ImportJob', t, t, CASE WHEN n <= 300 THEN t END
FROM generate_series(1, 410) n, LATERAL (SELECT (now() AT TIME ZONE 'UTC') - n * interval '1 minute' AS t) times;
INSERT INTO solid_queue_ready_executions (job_id, queue_name, created_at)
SELECT 300 + n, 'default', (now() AT TIME ZONE 'UTC') - n * interval '30 seconds' FROM generate_series(1, 40) n;
INSERT INTO solid_queue_ready_executions (job_id, queue_name, created_at)
SELECT 340 + n, 'mailers', (now() AT TIME ZONE 'UTC') - n * interval '5 seconds' FROM generate_series(1, 12) n;
INSERT INTO solid_queue_claimed_executions (job_id, process_id, created_at)
SELECT 352 + n, 1, now() AT TIME ZONE 'UTC' FROM generate_series(1, 5) n;
INSERT INTO solid_queue_scheduled_executions (job_id, queue_name, scheduled_at, created_at)
SELECT 357 + n, 'default', (now() AT TIME ZONE 'UTC') + (n - 3.5) * interval '1 hour', now() AT TIME ZONE 'UTC'
FROM generate_series(1, 33) n;
INSERT INTO solid_queue_failed_executions (job_id, error, created_at)
SELECT 390 + n, '{}', (now() AT TIME ZONE 'UTC') - n * interval '12 minutes' FROM generate_series(1, 20) n;
-- The last worker died half an hour ago.
INSERT INTO solid_queue_processes (kind, name, pid, last_heartbeat_at, created_at)
SELECT kind, kind || '-' || pid, pid, (now() AT TIME ZONE 'UTC') - age, (now() AT TIME ZONE 'UTC') - interval '1 day'
FROM (VALUES ('Supervisor', 10, interval '20 seconds'), ('Dispatcher', 11, interval '20 seconds'),
             ('Worker', 12, interval '20 seconds'), ('Worker', 13, interval '20 seconds'),
             ('Worker', 14, interval '30 minutes')) AS processes (kind, pid, age);
INSERT INTO solid_queue_pauses (queue_name, created_at) VALUES ('reports', now() AT TIME ZONE 'UTC');
ANALYZE;
