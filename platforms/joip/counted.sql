-- Views of the tables without the accounts that should not count, such as test accounts, staff and deleted ones, in the
-- schema counted_joip. Idempotent; run it again after a column was added to a table, and after role.sql. As the owner of
-- the tables: psql -X -d app -v domains=example.com -f platforms/joip/counted.sql
--   -v accounts=user-1,user-2       accounts by id
--   -v domains=example.com          accounts by the domain of their e-mail address, without those of its subdomains
--   -v condition="role = 'admin'"   accounts by any condition on the table of accounts, as in "deletedAt IS NOT NULL"
\set ON_ERROR_STOP on
\if :{?accounts} \else \set accounts '' \endif
\if :{?domains} \else \set domains '' \endif
\if :{?condition} \else \set condition false \endif
BEGIN;
CREATE SCHEMA IF NOT EXISTS counted_joip;
DROP VIEW IF EXISTS counted_joip.users, counted_joip.user_activity_logs, counted_joip.user_usage_stats,
  counted_joip.content_sessions, counted_joip.media_vault, counted_joip.referrals, counted_joip.credit_transactions,
  counted_joip.community_shares, counted_joip.community_likes, counted_joip.left_out;

CREATE VIEW counted_joip.left_out AS SELECT id FROM users
  WHERE id::text = ANY (string_to_array(:'accounts', ','))
    OR lower(split_part(email, '@', 2)) = ANY (string_to_array(lower(:'domains'), ','))
    OR (:condition);
-- Rows without an account stay.
CREATE VIEW counted_joip.users AS SELECT t.* FROM users AS t
  WHERE NOT EXISTS (SELECT FROM counted_joip.left_out AS o WHERE o.id = t.id);
CREATE VIEW counted_joip.user_activity_logs AS SELECT t.* FROM user_activity_logs AS t
  WHERE NOT EXISTS (SELECT FROM counted_joip.left_out AS o WHERE o.id = t.userId);
CREATE VIEW counted_joip.user_usage_stats AS SELECT t.* FROM user_usage_stats AS t
  WHERE NOT EXISTS (SELECT FROM counted_joip.left_out AS o WHERE o.id = t.userId);
CREATE VIEW counted_joip.content_sessions AS SELECT t.* FROM content_sessions AS t
  WHERE NOT EXISTS (SELECT FROM counted_joip.left_out AS o WHERE o.id = t.userId);
CREATE VIEW counted_joip.media_vault AS SELECT t.* FROM media_vault AS t
  WHERE NOT EXISTS (SELECT FROM counted_joip.left_out AS o WHERE o.id = t.userId);
CREATE VIEW counted_joip.referrals AS SELECT t.* FROM referrals AS t
  WHERE NOT EXISTS (SELECT FROM counted_joip.left_out AS o WHERE o.id = t.refereeId);
CREATE VIEW counted_joip.credit_transactions AS SELECT t.* FROM credit_transactions AS t
  WHERE NOT EXISTS (SELECT FROM counted_joip.left_out AS o WHERE o.id = t.userId);
CREATE VIEW counted_joip.community_shares AS SELECT t.* FROM community_shares AS t
  WHERE NOT EXISTS (SELECT FROM counted_joip.left_out AS o WHERE o.id = t.userId);
CREATE VIEW counted_joip.community_likes AS SELECT t.* FROM community_likes AS t
  WHERE NOT EXISTS (SELECT FROM counted_joip.left_out AS o WHERE o.id = t.userId);

-- As in role.sql.
GRANT USAGE ON SCHEMA counted_joip TO platform_exporter, grafana_joip;
GRANT SELECT (createdAt, subscriptionTier) ON counted_joip.users TO platform_exporter;
GRANT SELECT (userId, action, feature, details, createdAt) ON counted_joip.user_activity_logs
  TO platform_exporter, grafana_joip;
GRANT SELECT ON counted_joip.user_usage_stats TO platform_exporter, grafana_joip;
GRANT SELECT (userId, createdAt) ON counted_joip.content_sessions TO platform_exporter;
GRANT SELECT (createdAt) ON counted_joip.media_vault TO platform_exporter;
GRANT SELECT (refereeId, creditsAwarded, createdAt) ON counted_joip.referrals TO platform_exporter;
GRANT SELECT (type, credits, priceCents, createdAt) ON counted_joip.credit_transactions TO platform_exporter;
GRANT SELECT (contentType, createdAt) ON counted_joip.community_shares TO platform_exporter;
GRANT SELECT (createdAt) ON counted_joip.community_likes TO platform_exporter;
GRANT SELECT (id, email, firstName, lastName, profileImageUrl, createdAt) ON counted_joip.users TO grafana_joip;
GRANT SELECT (referrerId, refereeId, referralCode, creditsAwarded, createdAt) ON counted_joip.referrals TO grafana_joip;
GRANT SELECT (id, userId, contentType, createdAt) ON counted_joip.community_shares TO grafana_joip;
GRANT SELECT (shareId) ON counted_joip.community_likes TO grafana_joip;
COMMIT;
