-- Every account as CSV: profile, activity score, and all columns of its counters, those of new themes and layouts too.
-- Read-only. psql -X -q -d app -U grafana_joip -f platforms/joip/export.sql > users.csv
--   -v names=hidden    pseudonyms instead of ids, and neither names nor addresses
--   -v key=joip        the same as the parameter pseudonym_key, for the same pseudonyms as in the tables
\set ON_ERROR_STOP on
\if :{?names} \else \set names shown \endif
\if :{?key} \else \set key joip \endif
SET statement_timeout = 0;
SELECT format(
  'COPY (SELECT %s, u.createdAt AS created, coalesce(s.sessionsCreated, 0) + coalesce(s.smartCaptionsGenerated, 0)
           + coalesce(s.customCaptionsGenerated, 0) + coalesce(s.babecockImagesCreated, 0)
           + coalesce(s.mediaUploaded, 0) AS activity_score, %s
         FROM users AS u LEFT JOIN user_usage_stats AS s ON s.userId = u.id ORDER BY 1) TO STDOUT (FORMAT csv, HEADER)',
  CASE :'names' WHEN 'hidden' THEN format('''anon-'' || left(md5(%L || u.id), 12) AS account', :'key')
    ELSE 'u.id AS account, u.email, u.firstName AS first_name, u.lastName AS last_name, u.profileImageUrl AS avatar' END,
  string_agg(format('s.%I', attname), ', ' ORDER BY attnum))
FROM pg_attribute
WHERE attrelid = 'user_usage_stats'::regclass AND attnum > 0 AND NOT attisdropped
  AND lower(replace(attname, '_', '')) NOT IN ('id', 'userid') \gexec
