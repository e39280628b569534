-- Minimum privileges of the exporter: server statistics, no tables. Run as a superuser; safe to run again.
-- Set the password with \password platform_exporter, not here.

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'platform_exporter') THEN
        CREATE ROLE platform_exporter LOGIN;
    END IF;
END
$$;

GRANT pg_monitor TO platform_exporter;

-- Two connections per exporter and one more for each of its `databases`, twice that while another one takes over:
-- 4 without `databases`, 8 with two of them, 24 with ten.
ALTER ROLE platform_exporter CONNECTION LIMIT 4;

-- The exporter sets its own limits; these apply to anyone else who obtains the password.
ALTER ROLE platform_exporter SET default_transaction_read_only = on;
ALTER ROLE platform_exporter SET statement_timeout = '30s';
ALTER ROLE platform_exporter SET idle_in_transaction_session_timeout = '30s';

-- For declared queries, grant in each database what they read:
-- GRANT SELECT (id, status) ON orders TO platform_exporter;

-- For `databases`, where PUBLIC may not connect:
-- GRANT CONNECT ON DATABASE shop TO platform_exporter;
