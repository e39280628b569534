-- The tables of Django Q.
-- init finds: django_q(django_q_ormq,django_q_schedule,django_q_task)
-- app_django_q_queued{cluster="default"} 40
-- app_django_q_queued{cluster="mail"} 12
-- app_django_q_oldest_seconds{cluster="default"} 1200 to 1500
-- app_django_q_oldest_seconds{cluster="mail"} 60 to 360
-- app_django_q_succeeded_recently 50 to 59
-- app_django_q_failed_recently 4

CREATE TABLE django_q_ormq (
  id serial PRIMARY KEY,
  key varchar(100) NOT NULL,
  payload text NOT NULL DEFAULT '',
  lock timestamptz
);
CREATE TABLE django_q_task (
  id varchar(32) PRIMARY KEY,
  name varchar(100) NOT NULL,
  func varchar(256) NOT NULL,
  hook varchar(256),
  args text,
  kwargs text,
  result text,
  "group" varchar(100),
  started timestamptz NOT NULL,
  stopped timestamptz NOT NULL,
  success boolean NOT NULL,
  attempt_count integer NOT NULL DEFAULT 0
);
CREATE TABLE django_q_schedule (
  id serial PRIMARY KEY,
  func varchar(256) NOT NULL,
  schedule_type varchar(2) NOT NULL,
  repeats integer NOT NULL,
  next_run timestamptz,
  task varchar(100),
  name varchar(100)
);

INSERT INTO django_q_ormq (key, lock) SELECT 'default', now() - n * interval '30 seconds' FROM generate_series(1, 40) n;
INSERT INTO django_q_ormq (key, lock) SELECT 'mail', now() - n * interval '5 seconds' FROM generate_series(1, 12) n;
INSERT INTO django_q_task (id, name, func, started, stopped, success)
SELECT md5(n::text), 'task-' || n, 'shop.tasks.import_products', t, t, true
FROM generate_series(1, 300) n, LATERAL (SELECT now() - n * interval '1 minute' AS t) times;
-- One every 12 minutes: four within an hour.
INSERT INTO django_q_task (id, name, func, started, stopped, success)
SELECT md5('failed' || n), 'failed-' || n, 'shop.tasks.import_products', t, t, false
FROM generate_series(1, 20) n, LATERAL (SELECT now() - n * interval '12 minutes' AS t) times;
INSERT INTO django_q_schedule (func, schedule_type, repeats, next_run) VALUES ('shop.tasks.report', 'D', -1, now());
ANALYZE;
