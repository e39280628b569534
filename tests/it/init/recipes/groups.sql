-- Workspaces with a plan.
-- init finds: groups(workspaces)
-- app_workspaces_by_plan{group="free"} 200
-- app_workspaces_by_plan{group="pro"} 75
-- app_workspaces_by_plan{group="enterprise"} 25

CREATE TABLE workspaces (
  id bigserial PRIMARY KEY,
  name text NOT NULL,
  plan text NOT NULL CHECK (plan IN ('free', 'pro', 'enterprise'))
);

INSERT INTO workspaces (name, plan)
SELECT 'Workspace ' || n, CASE WHEN n % 12 = 0 THEN 'enterprise' WHEN n % 3 = 0 THEN 'pro' ELSE 'free' END
FROM generate_series(1, 300) n;
ANALYZE;
