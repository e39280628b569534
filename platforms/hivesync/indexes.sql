-- Indexes for the hivesync pack. Run it with psql, outside a transaction; writes are not blocked. Idempotent.
-- If a build is interrupted, PostgreSQL leaves an invalid index: drop it, and run this again.

-- Heartbeats within the last two minutes. Each heartbeat then writes an entry to every index of the table.
CREATE INDEX CONCURRENTLY IF NOT EXISTS sessions_last_heartbeat_at ON sessions (last_heartbeat_at);
-- Logins and Live View joins within one day and thirty days.
CREATE INDEX CONCURRENTLY IF NOT EXISTS sessions_created_at ON sessions (created_at) INCLUDE (user_id, kind);
-- When a user was last seen.
CREATE INDEX CONCURRENTLY IF NOT EXISTS sessions_user_id ON sessions (user_id);

-- AI requests within an hour, one day, seven days and thirty days.
CREATE INDEX CONCURRENTLY IF NOT EXISTS ai_usage_events_created_at
    ON ai_usage_events (created_at) INCLUDE (user_id, status, input_tokens, output_tokens);
-- AI requests that ended within an hour.
CREATE INDEX CONCURRENTLY IF NOT EXISTS ai_usage_events_completed_at
    ON ai_usage_events (completed_at) INCLUDE (status, created_at);
-- AI errors, newest first.
CREATE INDEX CONCURRENTLY IF NOT EXISTS ai_usage_events_failed
    ON ai_usage_events (created_at) INCLUDE (error_class) WHERE status = 'failed';

-- Preview requests, likewise.
CREATE INDEX CONCURRENTLY IF NOT EXISTS preview_jobs_created_at ON preview_jobs (created_at) INCLUDE (user_id, status);
CREATE INDEX CONCURRENTLY IF NOT EXISTS preview_jobs_completed_at ON preview_jobs (completed_at) INCLUDE (status, created_at);
CREATE INDEX CONCURRENTLY IF NOT EXISTS preview_jobs_failed ON preview_jobs (created_at) WHERE status = 'failed';

-- The subscriptions of a user.
CREATE INDEX CONCURRENTLY IF NOT EXISTS subscriptions_user_id ON subscriptions (user_id);
