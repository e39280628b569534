-- The tables of django-celery-results.
-- init finds: django_celery_results(django_celery_results_groupresult,django_celery_results_taskresult)
-- app_celery_ended_recently{state="success"} 50 to 59
-- app_celery_ended_recently{state="failure"} 4
-- app_celery_ended_recently{state="retry"} 0

CREATE TABLE django_celery_results_taskresult (
  id serial PRIMARY KEY,
  task_id varchar(255) NOT NULL UNIQUE,
  periodic_task_name varchar(255),
  task_name varchar(255),
  task_args text,
  task_kwargs text,
  status varchar(50) NOT NULL,
  worker varchar(100),
  content_type varchar(128) NOT NULL DEFAULT 'application/json',
  content_encoding varchar(64) NOT NULL DEFAULT 'utf-8',
  result text,
  date_created timestamptz NOT NULL,
  date_started timestamptz,
  date_done timestamptz NOT NULL,
  traceback text,
  meta text
);
CREATE TABLE django_celery_results_groupresult (
  id serial PRIMARY KEY,
  group_id varchar(255) NOT NULL UNIQUE,
  date_created timestamptz NOT NULL,
  date_done timestamptz NOT NULL,
  content_type varchar(128) NOT NULL,
  content_encoding varchar(64) NOT NULL,
  result text
);
CREATE TABLE django_celery_results_chordcounter (
  id serial PRIMARY KEY,
  group_id varchar(255) NOT NULL UNIQUE,
  sub_tasks text NOT NULL,
  count integer NOT NULL
);

INSERT INTO django_celery_results_taskresult (task_id, task_name, status, date_created, date_done)
SELECT gen_random_uuid(), 'shop.tasks.import_products', 'SUCCESS', t, t
FROM generate_series(1, 300) n, LATERAL (SELECT now() - n * interval '1 minute' AS t) times;
-- One every 12 minutes: four within an hour.
INSERT INTO django_celery_results_taskresult (task_id, task_name, status, date_created, date_done, traceback)
SELECT gen_random_uuid(), 'shop.tasks.import_products', 'FAILURE', t, t, 'Traceback'
FROM generate_series(1, 20) n, LATERAL (SELECT now() - n * interval '12 minutes' AS t) times;
ANALYZE;
