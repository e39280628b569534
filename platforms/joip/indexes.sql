-- Indexes for the queries and the user tables. Idempotent. Built concurrently, so writers are not blocked; must run
-- outside a transaction: psql -d app -f platforms/joip/indexes.sql.

-- Windows, totals and themes of the activity log, and every report over a time range.
CREATE INDEX CONCURRENTLY IF NOT EXISTS user_activity_logs_created_idx
  ON user_activity_logs (createdAt, action, feature) INCLUDE (userId);
-- The recent activity of one user.
CREATE INDEX CONCURRENTLY IF NOT EXISTS user_activity_logs_user_idx ON user_activity_logs (userId, createdAt);
CREATE INDEX CONCURRENTLY IF NOT EXISTS users_tier_idx ON users (subscriptionTier);
CREATE INDEX CONCURRENTLY IF NOT EXISTS content_sessions_created_idx ON content_sessions (createdAt, userId);
CREATE INDEX CONCURRENTLY IF NOT EXISTS referrals_created_idx ON referrals (createdAt);
CREATE INDEX CONCURRENTLY IF NOT EXISTS credit_transactions_type_idx
  ON credit_transactions (type, createdAt) INCLUDE (credits, priceCents);
CREATE INDEX CONCURRENTLY IF NOT EXISTS community_shares_created_idx ON community_shares (createdAt);
CREATE INDEX CONCURRENTLY IF NOT EXISTS community_likes_share_idx ON community_likes (shareId);
-- None on user_usage_stats: each event updates one of its rows, which is cheap only as long as no indexed column
-- changes. None for totals: counting every row requires reading the whole table.
