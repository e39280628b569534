-- The table of HiveSync's daily roll-up, and the role that writes it, separate from the exporter's read-only role.
-- Run it as the owner of the tables, or as a superuser, in the application's database. Idempotent.
--
-- If a parameter of the pack renames a table or column, rename it here too. Set the password with \password, not here.

CREATE TABLE IF NOT EXISTS usage_analytics_daily (
    date             date PRIMARY KEY,
    dau              bigint NOT NULL,
    mau              bigint NOT NULL,
    ai_requests      bigint NOT NULL,
    preview_requests bigint NOT NULL,
    avg_latency_ms   double precision,  -- NULL: no AI request was completed on that day
    max_queue_depth  bigint             -- NULL: the exporter did not run on that day
);

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'platform_roll_up') THEN
        CREATE ROLE platform_roll_up LOGIN CONNECTION LIMIT 4;
    END IF;
END
$$;

GRANT USAGE ON SCHEMA public TO platform_roll_up;

-- What the rows are computed from: no names, no e-mail addresses, no content.
GRANT SELECT (user_id, kind, created_at) ON sessions TO platform_roll_up;
GRANT SELECT (user_id, status, created_at, completed_at) ON ai_usage_events TO platform_roll_up;
GRANT SELECT (user_id, created_at) ON preview_jobs TO platform_roll_up;
-- And `deleted_at` and `test_account` of users, if the pack names such columns.
GRANT SELECT (id) ON users TO platform_roll_up;

-- The only table it can write to; it cannot delete.
GRANT SELECT, INSERT, UPDATE ON usage_analytics_daily TO platform_roll_up;

-- For the charts of the restricted dashboard, if role.sql was run.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'grafana_hivesync') THEN
        GRANT SELECT ON usage_analytics_daily TO grafana_hivesync;
    END IF;
END
$$;

-- Count thirty days of users in memory rather than in temporary files, with one process: there is no hurry.
ALTER ROLE platform_roll_up SET work_mem = '64MB';
ALTER ROLE platform_roll_up SET max_parallel_workers_per_gather = 0;
