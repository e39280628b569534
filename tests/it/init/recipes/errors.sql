-- Calls, of which every fifth has failed.
-- app_calls_by_error_code{error="timeout",window="1h"} 6
-- app_calls_by_error_code{error="timeout",window="24h"} 30
-- app_calls_by_error_code{error="provider_error",window="24h"} 30

CREATE TABLE calls (id bigserial PRIMARY KEY, error_code text, created_at timestamptz NOT NULL);

INSERT INTO calls (error_code, created_at)
SELECT CASE n % 10 WHEN 0 THEN 'timeout' WHEN 5 THEN 'provider_error' END, now() - n * interval '1 minute' + interval '5 minutes'
FROM generate_series(1, 300) n;
ANALYZE;
