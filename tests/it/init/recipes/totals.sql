-- Workspaces without any time, some of which are marked as deleted.
-- app_app_workspace_rows 90

CREATE TABLE app_workspace (id serial PRIMARY KEY, title text NOT NULL, deleted boolean NOT NULL DEFAULT false);

INSERT INTO app_workspace (title, deleted) SELECT 'Workspace', n <= 10 FROM generate_series(1, 100) n;
ANALYZE;
