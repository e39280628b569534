-- The tables of Graphile Worker, with row level security as it has.
-- init finds: graphile_worker(graphile_worker_private_job_queues,graphile_worker_private_jobs,graphile_worker_private_tasks)
-- as the owner: CREATE POLICY platform_exporter ON graphile_worker._private_jobs FOR SELECT TO platform_exporter USING (true)
-- as the owner: CREATE POLICY platform_exporter ON graphile_worker._private_tasks FOR SELECT TO platform_exporter USING (true)
-- app_graphile_worker_ready{task="import"} 40
-- app_graphile_worker_ready{task="send_email"} 12
-- app_graphile_worker_ready{task="report"} 0
-- app_graphile_worker_running{task="import"} 5
-- app_graphile_worker_running{task="send_email"} 0
-- app_graphile_worker_running{task="report"} 0
-- app_graphile_worker_retrying{task="import"} 7
-- app_graphile_worker_retrying{task="send_email"} 0
-- app_graphile_worker_retrying{task="report"} 0
-- app_graphile_worker_oldest_seconds{task="import"} 1200 to 1500
-- app_graphile_worker_oldest_seconds{task="send_email"} 60 to 360
-- app_graphile_worker_oldest_seconds{task="report"} 0
-- app_graphile_worker_failed 20
-- app_graphile_worker_failed_recently 4

CREATE SCHEMA graphile_worker;
CREATE TABLE graphile_worker.migrations (id integer PRIMARY KEY, ts timestamptz NOT NULL DEFAULT now(), breaking boolean);
CREATE TABLE graphile_worker._private_job_queues (
  id integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  queue_name text NOT NULL UNIQUE,
  locked_at timestamptz,
  locked_by text,
  is_available boolean NOT NULL GENERATED ALWAYS AS (locked_at IS NULL) STORED
);
CREATE TABLE graphile_worker._private_tasks (
  id integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  identifier text NOT NULL UNIQUE CHECK (length(identifier) <= 128)
);
CREATE TABLE graphile_worker._private_jobs (
  id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  job_queue_id integer,
  task_id integer NOT NULL,
  payload json NOT NULL DEFAULT '{}',
  priority smallint NOT NULL DEFAULT 0,
  run_at timestamptz NOT NULL DEFAULT now(),
  attempts smallint NOT NULL DEFAULT 0,
  max_attempts smallint NOT NULL DEFAULT 25 CHECK (max_attempts >= 1),
  last_error text,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  key text UNIQUE,
  locked_at timestamptz,
  locked_by text,
  revision integer NOT NULL DEFAULT 0,
  flags jsonb,
  is_available boolean NOT NULL GENERATED ALWAYS AS (locked_at IS NULL AND attempts < max_attempts) STORED
);
ALTER TABLE graphile_worker._private_job_queues ENABLE ROW LEVEL SECURITY;
ALTER TABLE graphile_worker._private_tasks ENABLE ROW LEVEL SECURITY;
ALTER TABLE graphile_worker._private_jobs ENABLE ROW LEVEL SECURITY;

INSERT INTO graphile_worker._private_tasks (identifier) VALUES ('import'), ('send_email'), ('report');
INSERT INTO graphile_worker._private_jobs (task_id, run_at)
SELECT 1, now() - n * interval '30 seconds' FROM generate_series(1, 40) n;
INSERT INTO graphile_worker._private_jobs (task_id, run_at)
SELECT 2, now() - n * interval '5 seconds' FROM generate_series(1, 12) n;
INSERT INTO graphile_worker._private_jobs (task_id, run_at)
SELECT 3, now() + n * interval '1 hour' FROM generate_series(1, 200) n;
INSERT INTO graphile_worker._private_jobs (task_id, attempts, locked_at, locked_by)
SELECT 1, 1, now(), 'worker-1' FROM generate_series(1, 5);
INSERT INTO graphile_worker._private_jobs (task_id, attempts, last_error, run_at)
SELECT 1, 3, 'timeout', now() + interval '10 minutes' FROM generate_series(1, 7);
-- One every 12 minutes: four within an hour.
INSERT INTO graphile_worker._private_jobs (task_id, attempts, last_error, updated_at)
SELECT 1, 25, 'timeout', now() - n * interval '12 minutes' FROM generate_series(1, 20) n;
ANALYZE;
