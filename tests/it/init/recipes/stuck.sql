-- Exports, of which every fifth is running: one has begun every ten minutes. A survey is meant to run for weeks.
-- init does not find: stuck(surveys)
-- app_exports_stuck 9

CREATE TABLE exports (id bigserial PRIMARY KEY, status text NOT NULL, started_at timestamptz NOT NULL);

INSERT INTO exports (status, started_at)
SELECT CASE WHEN n % 5 = 0 THEN 'running' ELSE 'completed' END, now() - n * interval '10 minutes'
FROM generate_series(1, 50) n;

CREATE TABLE surveys (id bigserial PRIMARY KEY, status text NOT NULL, created_at timestamptz NOT NULL);

INSERT INTO surveys (status, created_at)
SELECT CASE WHEN n % 5 = 0 THEN 'in_progress' ELSE 'completed' END, now() - n * interval '10 minutes'
FROM generate_series(1, 50) n;
ANALYZE;
