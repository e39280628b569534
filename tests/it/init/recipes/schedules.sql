-- Schedules of which some are late, half of them switched off, and imports that cannot be switched off.
-- app_report_schedules_overdue 10
-- app_imports_overdue 20

CREATE TABLE report_schedules (id serial PRIMARY KEY, next_run_at timestamptz, is_active boolean NOT NULL);
CREATE TABLE imports (id serial PRIMARY KEY, next_sync_at timestamptz);

INSERT INTO report_schedules (next_run_at, is_active)
SELECT now() + (n - 21) * interval '1 hour' + interval '1 minute', n % 2 = 0 FROM generate_series(1, 200) n;
INSERT INTO imports (next_sync_at) SELECT now() + (n - 21) * interval '1 hour' + interval '1 minute' FROM generate_series(1, 200) n;
ANALYZE;
