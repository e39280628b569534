-- Exports, one each minute, which take from 10 to 50 seconds.
-- app_exports_ended{window="1h"} 60
-- app_exports_average_seconds{window="1h"} 30
-- app_exports_longest_seconds{window="1h"} 50

CREATE TABLE exports (id bigserial PRIMARY KEY, started_at timestamptz NOT NULL, finished_at timestamptz);

INSERT INTO exports (finished_at, started_at)
SELECT ended, ended - (10 + 10 * (n % 5)) * interval '1 second'
FROM generate_series(0, 299) n, LATERAL (SELECT now() - n * interval '1 minute' - interval '1 second') AS e (ended);
ANALYZE;
