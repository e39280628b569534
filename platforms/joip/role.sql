-- Two least-privilege, read-only roles. Idempotent. Run as a superuser in the application's database:
-- psql -d app -f platforms/joip/role.sql. Then set their passwords with psql's \password, which sends only the hash.

DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'platform_exporter') THEN
    CREATE ROLE platform_exporter LOGIN CONNECTION LIMIT 4;
  END IF;
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'grafana_joip') THEN
    CREATE ROLE grafana_joip LOGIN CONNECTION LIMIT 10;
  END IF;
END
$$;

-- The pack's parameter time_zone says what columns without a time zone mean, not the server.
ALTER ROLE platform_exporter SET timezone = 'UTC';
ALTER ROLE grafana_joip SET timezone = 'UTC';

-- The exporter only counts: no names, no e-mail addresses, no IP addresses. It reads ids to count distinct accounts and
-- repeated events, and exports none.
GRANT pg_monitor TO platform_exporter;
GRANT USAGE ON SCHEMA public TO platform_exporter;
GRANT SELECT (createdAt, subscriptionTier) ON users TO platform_exporter;
GRANT SELECT (userId, action, feature, details, createdAt) ON user_activity_logs TO platform_exporter;
-- The whole table, so that columns of new themes and layouts are included.
GRANT SELECT ON user_usage_stats TO platform_exporter;
GRANT SELECT (userId, createdAt) ON content_sessions TO platform_exporter;
GRANT SELECT (createdAt) ON media_vault TO platform_exporter;
GRANT SELECT (refereeId, creditsAwarded, createdAt) ON referrals TO platform_exporter;
GRANT SELECT (type, credits, priceCents, createdAt) ON credit_transactions TO platform_exporter;
GRANT SELECT (contentType, createdAt) ON community_shares TO platform_exporter;
GRANT SELECT (createdAt) ON community_likes TO platform_exporter;

-- Grafana's tables of users, for administrators only. No IP address, no user agent.
ALTER ROLE grafana_joip SET default_transaction_read_only = on;
ALTER ROLE grafana_joip SET statement_timeout = '30s';
-- The server log shows who looked at whom.
ALTER ROLE grafana_joip SET log_statement = 'all';
GRANT USAGE ON SCHEMA public TO grafana_joip;
GRANT SELECT (id, email, firstName, lastName, profileImageUrl, createdAt) ON users TO grafana_joip;
GRANT SELECT (userId, action, feature, details, createdAt) ON user_activity_logs TO grafana_joip;
GRANT SELECT ON user_usage_stats TO grafana_joip;
GRANT SELECT (referrerId, refereeId, referralCode, creditsAwarded, createdAt) ON referrals TO grafana_joip;
GRANT SELECT (id, userId, contentType, createdAt) ON community_shares TO grafana_joip;
GRANT SELECT (shareId) ON community_likes TO grafana_joip;
