-- An activity log: one row each hour, of an action and a feature in turn.
-- app_activity_logs_new_by_action{action="created",window="24h"} 12
-- app_activity_logs_new_by_action{action="deleted",window="7d"} 84
-- app_activity_logs_new_by_feature{action="admin",window="7d"} 169
-- app_activity_logs_new_by_feature{action="preview",window="7d"} 0
-- app_security_log_new_by_type{action="PASSWORD_RESET",window="7d"} 84
-- app_security_log_new_by_type{action="AUTH_2FA_ENABLE",window="24h"} 12
-- app_notifications_new_by_event{action="documents.publish",window="24h"} 12
-- as the owner: INSERT INTO activity_logs (action, feature, created_at) VALUES ('Eudora Vandenberghe', 'admin', now())
-- app_activity_logs_new_by_action{action="other",window="24h"} 1

CREATE TABLE activity_logs (id bigserial PRIMARY KEY, user_id bigint, action text NOT NULL, feature text NOT NULL, created_at timestamptz NOT NULL);

-- What the schema lists is no data, whatever it looks like.
CREATE TYPE security_event AS ENUM ('AUTH_2FA_ENABLE', 'PASSWORD_RESET');
CREATE TABLE security_log (id bigserial PRIMARY KEY, type security_event NOT NULL, created_at timestamptz NOT NULL);
CREATE TABLE notifications (id bigserial PRIMARY KEY, event text NOT NULL, "createdAt" timestamptz NOT NULL);

INSERT INTO security_log (type, created_at)
SELECT (enum_range(NULL::security_event))[1 + n % 2], now() - n * interval '1 hour' - interval '10 minutes' FROM generate_series(0, 299) n;
INSERT INTO notifications (event, "createdAt")
SELECT (ARRAY['documents.publish', 'comments.mention'])[1 + n % 2], now() - n * interval '1 hour' - interval '10 minutes'
FROM generate_series(0, 299) n;
INSERT INTO activity_logs (action, feature, created_at)
SELECT (ARRAY['created', 'deleted'])[1 + n % 2], CASE WHEN n < 200 THEN 'admin' ELSE 'preview' END,
       now() - n * interval '1 hour' - interval '10 minutes'
FROM generate_series(0, 299) n;
ANALYZE;
