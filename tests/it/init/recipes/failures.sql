-- Imports, of which some have failed.
-- init finds: failures(imports) states(imports) growth(imports)
-- app_imports_failed_recently 5
-- app_imports_by_state{state="done"} 270
-- app_imports_by_state{state="failed"} 30
-- app_imports_new{window="24h"} 0
-- app_imports_new{window="7d"} 300

CREATE TABLE imports (
  id bigserial PRIMARY KEY,
  state text NOT NULL,
  started_at timestamptz,
  finished_at timestamptz,
  inserted_at timestamptz NOT NULL
);

-- All were requested two days ago. One finished every minute, and every tenth failed.
INSERT INTO imports (state, started_at, finished_at, inserted_at)
SELECT CASE WHEN n % 10 = 0 THEN 'failed' ELSE 'done' END, now() - interval '1 day', now() - n * interval '1 minute',
       now() - interval '2 days'
FROM generate_series(1, 300) n;
ANALYZE;
