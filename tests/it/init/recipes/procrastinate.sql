-- The tables of Procrastinate.
-- init finds: procrastinate(procrastinate_events,procrastinate_jobs)
-- workers_alive{class="procrastinate"} 2
-- app_procrastinate_ready{queue="default"} 40
-- app_procrastinate_ready{queue="emails"} 12
-- app_procrastinate_running{queue="default"} 5
-- app_procrastinate_running{queue="emails"} 0
-- app_procrastinate_retrying{queue="default"} 7
-- app_procrastinate_retrying{queue="emails"} 0
-- app_procrastinate_oldest_seconds{queue="default"} 1200 to 1500
-- app_procrastinate_oldest_seconds{queue="emails"} 60 to 360
-- app_procrastinate_failed_recently 4

CREATE TYPE procrastinate_job_status AS ENUM
  ('todo', 'doing', 'succeeded', 'failed', 'cancelled', 'aborting', 'aborted');
CREATE TYPE procrastinate_job_event_type AS ENUM
  ('deferred', 'started', 'deferred_for_retry', 'failed', 'succeeded', 'cancelled', 'abort_requested', 'aborted',
   'scheduled', 'retried');

CREATE TABLE procrastinate_workers (
  id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  last_heartbeat timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE procrastinate_jobs (
  id bigserial PRIMARY KEY,
  queue_name varchar(128) NOT NULL DEFAULT 'default',
  task_name varchar(128) NOT NULL DEFAULT 'import_products',
  priority integer NOT NULL DEFAULT 0,
  lock text,
  queueing_lock text,
  args jsonb NOT NULL DEFAULT '{}',
  status procrastinate_job_status NOT NULL DEFAULT 'todo',
  scheduled_at timestamptz,
  attempts integer NOT NULL DEFAULT 0,
  abort_requested boolean NOT NULL DEFAULT false,
  worker_id bigint REFERENCES procrastinate_workers ON DELETE SET NULL
);
CREATE TABLE procrastinate_events (
  id bigserial PRIMARY KEY,
  job_id bigint NOT NULL REFERENCES procrastinate_jobs ON DELETE CASCADE,
  type procrastinate_job_event_type,
  at timestamptz DEFAULT now()
);
CREATE TABLE procrastinate_periodic_defers (
  id bigserial PRIMARY KEY,
  task_name varchar(128) NOT NULL,
  defer_timestamp bigint,
  job_id bigint REFERENCES procrastinate_jobs,
  periodic_id varchar(128) NOT NULL DEFAULT ''
);
CREATE INDEX procrastinate_events_job_id_fkey ON procrastinate_events (job_id);

-- Jobs 1 to 300 have succeeded, 301 to 320 have failed, one every 12 minutes: four within an hour.
INSERT INTO procrastinate_jobs (status, attempts)
SELECT (CASE WHEN n <= 300 THEN 'succeeded' ELSE 'failed' END)::procrastinate_job_status, 1 FROM generate_series(1, 320) n;
INSERT INTO procrastinate_events (job_id, type, at)
SELECT n, 'deferred', now() - interval '1 day' FROM generate_series(1, 320) n;
INSERT INTO procrastinate_events (job_id, type, at)
SELECT n, 'succeeded', now() - n * interval '1 minute' FROM generate_series(1, 300) n;
INSERT INTO procrastinate_events (job_id, type, at)
SELECT 300 + n, 'failed', now() - n * interval '12 minutes' FROM generate_series(1, 20) n;
-- Jobs 321 to 360 wait, without a time to run at; 361 to 372 were due at one.
INSERT INTO procrastinate_jobs SELECT FROM generate_series(1, 40);
INSERT INTO procrastinate_events (job_id, type, at)
SELECT 320 + n, 'deferred', now() - n * interval '30 seconds' FROM generate_series(1, 40) n;
INSERT INTO procrastinate_jobs (queue_name, scheduled_at)
SELECT 'emails', now() - n * interval '5 seconds' FROM generate_series(1, 12) n;
INSERT INTO procrastinate_events (job_id, type, at)
SELECT 360 + n, 'deferred', now() - interval '1 day' FROM generate_series(1, 12) n;
-- What is not due, runs, will be tried again.
INSERT INTO procrastinate_jobs (scheduled_at) SELECT now() + n * interval '1 hour' FROM generate_series(1, 30) n;
INSERT INTO procrastinate_jobs (status) SELECT 'doing' FROM generate_series(1, 5);
INSERT INTO procrastinate_jobs (attempts, scheduled_at) SELECT 2, now() + interval '10 minutes' FROM generate_series(1, 7);
-- Two of a host whose clock is ahead, so that the test may take its time, and one that was stopped without a goodbye.
INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() + interval '10 minutes'), (now() + interval '10 minutes'), (now() - interval '5 minutes');
ANALYZE;
