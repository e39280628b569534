-- The tables of pg-boss.
-- init finds: pg_boss(pgboss_job,pgboss_queue,pgboss_schedule,pgboss_subscription)
-- app_pg_boss_ready{queue="import"} 42
-- app_pg_boss_ready{queue="email"} 12
-- app_pg_boss_ready{queue="report"} 0
-- app_pg_boss_running{queue="import"} 5
-- app_pg_boss_running{queue="email"} 0
-- app_pg_boss_running{queue="report"} 0
-- app_pg_boss_retrying{queue="import"} 7
-- app_pg_boss_retrying{queue="email"} 0
-- app_pg_boss_retrying{queue="report"} 0
-- app_pg_boss_oldest_seconds{queue="import"} 1200 to 1500
-- app_pg_boss_oldest_seconds{queue="email"} 60 to 360
-- app_pg_boss_oldest_seconds{queue="report"} 0
-- app_pg_boss_failed_recently 4

CREATE SCHEMA pgboss;
CREATE TYPE pgboss.job_state AS ENUM ('created', 'retry', 'active', 'completed', 'cancelled', 'failed');

CREATE TABLE pgboss.version (version integer PRIMARY KEY, maintained_on timestamptz, cron_on timestamptz);
CREATE TABLE pgboss.queue (
  name text PRIMARY KEY,
  policy text,
  retry_limit integer,
  dead_letter text,
  partition_name text,
  created_on timestamptz NOT NULL DEFAULT now(),
  updated_on timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE pgboss.schedule (
  name text PRIMARY KEY REFERENCES pgboss.queue,
  cron text NOT NULL,
  created_on timestamptz NOT NULL DEFAULT now(),
  updated_on timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE pgboss.subscription (
  event text NOT NULL,
  name text NOT NULL REFERENCES pgboss.queue,
  created_on timestamptz NOT NULL DEFAULT now(),
  updated_on timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (event, name)
);
CREATE TABLE pgboss.job (
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  name text NOT NULL,
  priority integer NOT NULL DEFAULT 0,
  data jsonb,
  state pgboss.job_state NOT NULL DEFAULT 'created',
  retry_limit integer NOT NULL DEFAULT 2,
  retry_count integer NOT NULL DEFAULT 0,
  start_after timestamptz NOT NULL DEFAULT now(),
  created_on timestamptz NOT NULL DEFAULT now(),
  started_on timestamptz,
  completed_on timestamptz,
  keep_until timestamptz NOT NULL DEFAULT now() + interval '14 days',
  output jsonb,
  dead_letter text,
  policy text,
  PRIMARY KEY (name, id)
) PARTITION BY LIST (name);
CREATE TABLE pgboss.job_import PARTITION OF pgboss.job FOR VALUES IN ('import');
CREATE TABLE pgboss.job_others PARTITION OF pgboss.job DEFAULT;

INSERT INTO pgboss.queue (name, policy)
SELECT name, 'standard' FROM unnest(ARRAY['import', 'email', 'report', '__pgboss__send-it']) AS names (name);
INSERT INTO pgboss.schedule (name, cron) VALUES ('report', '0 6 * * *');
INSERT INTO pgboss.job (name, start_after)
SELECT 'import', now() - n * interval '30 seconds' FROM generate_series(1, 40) n;
INSERT INTO pgboss.job (name, start_after)
SELECT 'email', now() - n * interval '5 seconds' FROM generate_series(1, 12) n;
INSERT INTO pgboss.job (name, start_after)
SELECT 'report', now() + n * interval '1 hour' FROM generate_series(1, 30) n;
INSERT INTO pgboss.job (name, state, started_on) SELECT 'import', 'active', now() FROM generate_series(1, 5);
-- Two of those that will be tried again are due.
INSERT INTO pgboss.job (name, state, retry_count, start_after)
SELECT 'import', 'retry', 1, now() + (n - 2.5) * interval '7 minutes' FROM generate_series(1, 7) n;
INSERT INTO pgboss.job (name, state, completed_on)
SELECT 'import', 'completed', now() - n * interval '1 minute' FROM generate_series(1, 300) n;
-- One every 12 minutes: four within an hour.
INSERT INTO pgboss.job (name, state, completed_on)
SELECT 'import', 'failed', now() - n * interval '12 minutes' FROM generate_series(1, 20) n;
INSERT INTO pgboss.job (name) SELECT '__pgboss__send-it' FROM generate_series(1, 3);
ANALYZE;
