-- Deletes events that are older than the retention from the activity log, in batches, each in a transaction of its own.
-- By default it only counts them. Run as the owner of the table, outside a transaction:
-- psql -X -q -d app -v days=400 -f platforms/joip/prune.sql
--   -v delete=yes      deletes
--   -v days=400        the same as the parameter retention_days
--   -v batch=10000     rows per transaction
--   -v pause=0.1       seconds between two of them
--   -v zone=UTC        the time zone that the application writes in
\set ON_ERROR_STOP on
\if :{?days} \else \set days 400 \endif
\if :{?delete} \else \set delete no \endif
\if :{?batch} \else \set batch 10000 \endif
\if :{?pause} \else \set pause 0.1 \endif
\if :{?zone} \else \set zone UTC \endif
SET timezone = :'zone';
SELECT localtimestamp - make_interval(days => :'days') AS bound \gset
SELECT count(*) AS older FROM user_activity_logs WHERE createdAt < :'bound' \gset
\echo :older events are older than :days days.
SELECT set_config('prune.bound', :'bound', false), set_config('prune.batch', :'batch', false),
       set_config('prune.pause', :'pause', false) \g /dev/null
\if :delete
DO $$
DECLARE
  deleted bigint;
BEGIN
  LOOP
    DELETE FROM user_activity_logs WHERE id IN (
      SELECT id FROM user_activity_logs WHERE createdAt < current_setting('prune.bound')::timestamp
      ORDER BY createdAt LIMIT current_setting('prune.batch')::int
    );
    GET DIAGNOSTICS deleted = ROW_COUNT;
    EXIT WHEN deleted = 0;
    COMMIT;
    PERFORM pg_sleep(current_setting('prune.pause')::float8);
  END LOOP;
END
$$;
\echo Deleted. VACUUM user_activity_logs makes the space available again.
\else
\echo Nothing is deleted without -v delete=yes.
\endif
