-- The tables of River.
-- init finds: river(river_job)
-- workers_alive{class="river-leader"} 1
-- app_river_ready{queue="default"} 40
-- app_river_ready{queue="email"} 12
-- app_river_running{queue="default"} 5
-- app_river_running{queue="email"} 0
-- app_river_retrying{queue="default"} 7
-- app_river_retrying{queue="email"} 0
-- app_river_oldest_seconds{queue="default"} 1200 to 1500
-- app_river_oldest_seconds{queue="email"} 60 to 360
-- app_river_discarded_recently 4

CREATE TYPE river_job_state AS ENUM
  ('available', 'cancelled', 'completed', 'discarded', 'pending', 'retryable', 'running', 'scheduled');

CREATE TABLE river_job (
  id bigserial PRIMARY KEY,
  state river_job_state NOT NULL DEFAULT 'available',
  attempt smallint NOT NULL DEFAULT 0,
  max_attempts smallint NOT NULL DEFAULT 25,
  attempted_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  finalized_at timestamptz,
  scheduled_at timestamptz NOT NULL DEFAULT now(),
  priority smallint NOT NULL DEFAULT 1,
  args jsonb NOT NULL DEFAULT '{}',
  errors jsonb[],
  kind text NOT NULL,
  queue text NOT NULL DEFAULT 'default'
);
CREATE TABLE river_queue (
  name text PRIMARY KEY,
  created_at timestamptz NOT NULL DEFAULT now(),
  paused_at timestamptz,
  updated_at timestamptz NOT NULL
);
CREATE UNLOGGED TABLE river_leader (
  elected_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  leader_id text NOT NULL,
  name text PRIMARY KEY DEFAULT 'default' CHECK (name = 'default')
);
CREATE TABLE river_migration (version bigint PRIMARY KEY, created_at timestamptz NOT NULL DEFAULT now());

INSERT INTO river_job (kind, scheduled_at)
SELECT 'import', now() - n * interval '30 seconds' FROM generate_series(1, 40) n;
INSERT INTO river_job (kind, queue, scheduled_at)
SELECT 'welcome', 'email', now() - n * interval '5 seconds' FROM generate_series(1, 12) n;
INSERT INTO river_job (state, kind, scheduled_at)
SELECT 'scheduled', 'report', now() + n * interval '1 hour' FROM generate_series(1, 30) n;
INSERT INTO river_job (state, kind, attempt, attempted_at)
SELECT 'running', 'import', 1, now() FROM generate_series(1, 5);
INSERT INTO river_job (state, kind, attempt, scheduled_at)
SELECT 'retryable', 'import', 3, now() + interval '10 minutes' FROM generate_series(1, 7);
INSERT INTO river_job (state, kind, attempt, finalized_at)
SELECT 'completed', 'import', 1, now() - n * interval '1 minute' FROM generate_series(1, 300) n;
-- One every 12 minutes: four within an hour.
INSERT INTO river_job (state, kind, attempt, finalized_at)
SELECT 'discarded', 'import', 25, now() - n * interval '12 minutes' FROM generate_series(1, 20) n;
INSERT INTO river_queue VALUES ('default', now(), NULL, now()), ('email', now(), NULL, now());
INSERT INTO river_migration SELECT n FROM generate_series(1, 6) n;
-- It expires later than its 15 seconds, so that the test may take its time.
INSERT INTO river_leader (elected_at, expires_at, leader_id) VALUES (now(), now() + interval '10 minutes', 'web_2026_1');
ANALYZE;
