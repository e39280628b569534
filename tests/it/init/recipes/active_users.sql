-- What 30 users do: one of them each hour.
-- app_user_activity_logs_active_users{window="24h"} 24
-- app_user_activity_logs_active_users{window="7d"} 30
-- app_user_activity_logs_active_users{window="30d"} 30

CREATE TABLE user_activity_logs (id bigserial PRIMARY KEY, user_id bigint NOT NULL, action text NOT NULL, created_at timestamptz NOT NULL);

INSERT INTO user_activity_logs (user_id, action, created_at)
SELECT n % 30, 'something', now() - n * interval '1 hour' - interval '1 second' FROM generate_series(0, 299) n;
ANALYZE;
