-- Two read-only roles for the hivesync pack: one for the exporter, one for Grafana's data source. Run it as the owner
-- of the tables, or as a superuser, in the application's database. Idempotent.
--
-- Privileges are per column: the exporter cannot read user names, e-mail addresses or project names. If a parameter of
-- the pack names another table or column, name it here too: `canceled_at` of subscriptions, `deleted_at` and
-- `test_account` of users (for both roles). Set passwords with \password, not here.

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'platform_exporter') THEN
        CREATE ROLE platform_exporter LOGIN;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'grafana_hivesync') THEN
        CREATE ROLE grafana_hivesync LOGIN;
    END IF;
END
$$;

-- For the server metrics; only a superuser can grant it.
GRANT pg_monitor TO platform_exporter;

GRANT USAGE ON SCHEMA public TO platform_exporter, grafana_hivesync;

-- For the pack's queries.
GRANT SELECT (id) ON users TO platform_exporter;
GRANT SELECT (user_id, plan, status, trial_ends_at) ON subscriptions TO platform_exporter;
GRANT SELECT (id) ON projects TO platform_exporter;
GRANT SELECT (id, user_id, kind, device_id, device_type, created_at, last_heartbeat_at) ON sessions TO platform_exporter;
GRANT SELECT (user_id, status, error_class, input_tokens, output_tokens, created_at, completed_at)
    ON ai_usage_events TO platform_exporter;
GRANT SELECT (user_id, status, created_at, completed_at) ON preview_jobs TO platform_exporter;

-- For the restricted dashboard: top AI users, recent incidents, and the daily roll-up if its table exists.
GRANT SELECT (id, username) ON users TO grafana_hivesync;
GRANT SELECT (user_id, plan, status, trial_ends_at, created_at) ON subscriptions TO grafana_hivesync;
GRANT SELECT (user_id, created_at, last_heartbeat_at) ON sessions TO grafana_hivesync;
GRANT SELECT (user_id, status, error_class, created_at) ON ai_usage_events TO grafana_hivesync;
GRANT SELECT (status, error_class, created_at) ON preview_jobs TO grafana_hivesync;
DO $$
BEGIN
    IF to_regclass('usage_analytics_daily') IS NOT NULL THEN
        GRANT SELECT ON usage_analytics_daily TO grafana_hivesync;
    END IF;
END
$$;

-- Columns without a time zone are UTC, whatever the zone of the server is.
ALTER ROLE platform_exporter SET timezone = 'UTC';
ALTER ROLE grafana_hivesync SET timezone = 'UTC';

-- Limits for Grafana: anyone who can edit a panel can write any SELECT.
ALTER ROLE grafana_hivesync SET default_transaction_read_only = on;
ALTER ROLE grafana_hivesync SET statement_timeout = '10s';
-- The server log shows what was queried; only a superuser can set it.
ALTER ROLE grafana_hivesync SET log_statement = 'all';
