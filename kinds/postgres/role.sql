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

-- Each source takes two connections, and one more for each of its `databases`; twice that while one exporter takes over
-- from another. 20 are enough for five sources on this server: raise it for more, lower it for one.
ALTER ROLE platform_exporter CONNECTION LIMIT 20;

-- The exporter sets its own limits; these apply to anyone else who obtains the password.
ALTER ROLE platform_exporter SET default_transaction_read_only = on;
ALTER ROLE platform_exporter SET statement_timeout = '30s';
ALTER ROLE platform_exporter SET idle_in_transaction_session_timeout = '30s';

-- For declared queries, grant in each database what they read:
-- GRANT SELECT (id, status) ON orders TO platform_exporter;

-- For `databases`, where PUBLIC may not connect:
-- GRANT CONNECT ON DATABASE shop TO platform_exporter;
