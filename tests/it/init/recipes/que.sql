-- The tables of Que.
-- init finds: que(que_jobs)
-- workers_alive{class="que"} 1
-- app_que_ready{queue="default"} 40
-- app_que_ready{queue="mailers"} 12
-- app_que_retrying{queue="default"} 7
-- app_que_retrying{queue="mailers"} 0
-- app_que_oldest_seconds{queue="default"} 1200 to 1500
-- app_que_oldest_seconds{queue="mailers"} 60 to 360
-- app_que_expired 20
-- app_que_expired_recently 4

CREATE TABLE que_jobs (
  priority smallint NOT NULL DEFAULT 100,
  run_at timestamptz NOT NULL DEFAULT now(),
  id bigserial PRIMARY KEY,
  job_class text NOT NULL,
  error_count integer NOT NULL DEFAULT 0,
  last_error_message text,
  queue text NOT NULL DEFAULT 'default',
  last_error_backtrace text,
  finished_at timestamptz,
  expired_at timestamptz,
  args jsonb NOT NULL DEFAULT '[]',
  data jsonb NOT NULL DEFAULT '{}',
  job_schema_version integer NOT NULL DEFAULT 2,
  kwargs jsonb NOT NULL DEFAULT '{}'
);
CREATE UNLOGGED TABLE que_lockers (
  pid integer PRIMARY KEY,
  worker_count integer NOT NULL,
  worker_priorities integer[] NOT NULL,
  ruby_pid integer NOT NULL,
  ruby_hostname text NOT NULL,
  queues text[] NOT NULL,
  listening boolean NOT NULL,
  job_schema_version integer DEFAULT 1
);
CREATE TABLE que_values (key text PRIMARY KEY, value jsonb NOT NULL DEFAULT '{}');

INSERT INTO que_jobs (job_class, run_at)
SELECT 'Import', now() - n * interval '30 seconds' FROM generate_series(1, 40) n;
INSERT INTO que_jobs (job_class, queue, run_at)
SELECT 'Welcome', 'mailers', now() - n * interval '5 seconds' FROM generate_series(1, 12) n;
INSERT INTO que_jobs (job_class, run_at)
SELECT 'Report', now() + n * interval '1 hour' FROM generate_series(1, 30) n;
INSERT INTO que_jobs (job_class, error_count, last_error_message, run_at)
SELECT 'Import', 3, 'timeout', now() + interval '10 minutes' FROM generate_series(1, 7);
INSERT INTO que_jobs (job_class, run_at, finished_at)
SELECT 'Import', now() - n * interval '1 minute', now() - n * interval '1 minute' FROM generate_series(1, 300) n;
-- One every 12 minutes: four within an hour.
INSERT INTO que_jobs (job_class, error_count, last_error_message, run_at, expired_at)
SELECT 'Import', 15, 'timeout', now() - n * interval '12 minutes', now() - n * interval '12 minutes' FROM generate_series(1, 20) n;
-- One with a session that is there, one whose session is gone.
INSERT INTO que_lockers (pid, worker_count, worker_priorities, ruby_pid, ruby_hostname, queues, listening)
SELECT pid, 6, '{10,30,50,NULL,NULL,NULL}', 4, 'web', '{default}', true
FROM (SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer' UNION ALL SELECT 0) AS sessions;
ANALYZE;
