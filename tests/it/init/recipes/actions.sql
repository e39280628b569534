-- An activity log: one row each hour, of an action and a feature in turn.
-- app_activity_logs_new_by_action{action="created",window="24h"} 12
-- app_activity_logs_new_by_action{action="deleted",window="7d"} 84
-- app_activity_logs_new_by_feature{action="admin",window="7d"} 169
-- app_activity_logs_new_by_feature{action="preview",window="7d"} 0
-- as the owner: INSERT INTO activity_logs (action, feature, created_at) VALUES ('Eudora Vandenberghe', 'admin', now())
-- app_activity_logs_new_by_action{action="other",window="24h"} 1

CREATE TABLE activity_logs (id bigserial PRIMARY KEY, user_id bigint, action text NOT NULL, feature text NOT NULL, created_at timestamptz NOT NULL);

INSERT INTO activity_logs (action, feature, created_at)
SELECT (ARRAY['created', 'deleted'])[1 + n % 2], CASE WHEN n < 200 THEN 'admin' ELSE 'preview' END,
       now() - n * interval '1 hour' - interval '10 minutes'
FROM generate_series(0, 299) n;
ANALYZE;
