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

-- Two connections per exporter, twice that while another one takes over.
ALTER ROLE platform_exporter CONNECTION LIMIT 4;

-- The exporter sets its own limits; these apply to anyone else who obtains the password.
ALTER ROLE platform_exporter SET default_transaction_read_only = on;
ALTER ROLE platform_exporter SET statement_timeout = '30s';
ALTER ROLE platform_exporter SET idle_in_transaction_session_timeout = '30s';

-- For declared queries, grant in each database what they read:
-- GRANT SELECT (id, status) ON orders TO platform_exporter;
