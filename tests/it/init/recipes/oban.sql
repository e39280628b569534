-- The tables of Oban.
-- init finds: oban(oban_jobs)
-- workers_alive{class="oban-leader"} 1
-- app_oban_ready{queue="default"} 40
-- app_oban_ready{queue="mailers"} 12
-- app_oban_running{queue="default"} 5
-- app_oban_running{queue="mailers"} 0
-- app_oban_retrying{queue="default"} 7
-- app_oban_retrying{queue="mailers"} 0
-- app_oban_oldest_seconds{queue="default"} 1200 to 1500
-- app_oban_oldest_seconds{queue="mailers"} 60 to 360
-- app_oban_discarded_recently 4

CREATE TYPE oban_job_state AS ENUM
  ('available', 'suspended', 'scheduled', 'executing', 'retryable', 'completed', 'discarded', 'cancelled');

CREATE TABLE oban_jobs (
  id bigserial PRIMARY KEY,
  state oban_job_state NOT NULL DEFAULT 'available',
  queue text NOT NULL DEFAULT 'default',
  worker text NOT NULL,
  args jsonb NOT NULL DEFAULT '{}',
  attempt integer NOT NULL DEFAULT 0,
  max_attempts integer NOT NULL DEFAULT 20,
  inserted_at timestamp NOT NULL DEFAULT (now() AT TIME ZONE 'UTC'),
  scheduled_at timestamp NOT NULL DEFAULT (now() AT TIME ZONE 'UTC'),
  attempted_at timestamp,
  completed_at timestamp,
  discarded_at timestamp,
  cancelled_at timestamp,
  priority integer NOT NULL DEFAULT 0
);
CREATE TABLE oban_peers (
  name text PRIMARY KEY,
  node text NOT NULL,
  started_at timestamp NOT NULL,
  expires_at timestamp NOT NULL
);

-- What waits: since 20 minutes, and since one minute.
INSERT INTO oban_jobs (worker, scheduled_at)
SELECT 'App.Import', (now() AT TIME ZONE 'UTC') - n * interval '30 seconds' FROM generate_series(1, 40) n;
INSERT INTO oban_jobs (worker, queue, scheduled_at)
SELECT 'App.Welcome', 'mailers', (now() AT TIME ZONE 'UTC') - n * interval '5 seconds' FROM generate_series(1, 12) n;
-- What is not due, runs, will be tried again, has ended.
INSERT INTO oban_jobs (state, worker, scheduled_at)
SELECT 'scheduled', 'App.Report', (now() AT TIME ZONE 'UTC') + n * interval '1 hour' FROM generate_series(1, 30) n;
INSERT INTO oban_jobs (state, worker, attempt, attempted_at)
SELECT 'executing', 'App.Import', 1, now() AT TIME ZONE 'UTC' FROM generate_series(1, 5);
INSERT INTO oban_jobs (state, worker, attempt, scheduled_at)
SELECT 'retryable', 'App.Import', 3, (now() AT TIME ZONE 'UTC') + interval '10 minutes' FROM generate_series(1, 7);
INSERT INTO oban_jobs (state, worker, attempt, completed_at)
SELECT 'completed', 'App.Import', 1, (now() AT TIME ZONE 'UTC') - n * interval '1 minute' FROM generate_series(1, 300) n;
-- One every 12 minutes: four within an hour.
INSERT INTO oban_jobs (state, worker, attempt, discarded_at)
SELECT 'discarded', 'App.Import', 20, (now() AT TIME ZONE 'UTC') - n * interval '12 minutes' FROM generate_series(1, 20) n;
-- The leader, whose row expires later than its 30 seconds so that the test may take its time, and that of an instance that no
-- longer runs.
INSERT INTO oban_peers (name, node, started_at, expires_at)
SELECT name, 'shop@web', t - interval '1 hour', t + expires
FROM (VALUES ('Oban', interval '10 minutes'), ('Oban.Old', interval '-1 hour')) AS peers (name, expires),
     (SELECT now() AT TIME ZONE 'UTC' AS t) times;
ANALYZE;
