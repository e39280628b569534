-- Queues of which some are paused.
-- app_task_queues_paused{value="true"} 25
-- app_task_queues_paused{value="false"} 75

CREATE TABLE task_queues (id serial PRIMARY KEY, paused boolean);

INSERT INTO task_queues (paused) SELECT CASE WHEN n % 4 = 0 THEN true WHEN n % 4 = 1 THEN false END FROM generate_series(1, 100) n;
ANALYZE;
