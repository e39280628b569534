-- Documents that are marked as deleted.
-- init finds: soft_deletes(documents) growth(documents)
-- app_documents_deleted{window="24h"} 23
-- app_documents_new{window="24h"} 47
-- app_documents_new{window="7d"} 300

CREATE TABLE documents (
  id bigserial PRIMARY KEY,
  title text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  deleted_at timestamptz
);

-- One every half an hour. A hundred were deleted, one an hour.
INSERT INTO documents (title, created_at, deleted_at)
SELECT 'Document', now() - n * interval '30 minutes' - interval '1 second',
       CASE WHEN n <= 100 THEN now() - n * interval '1 hour' - interval '1 second' END
FROM generate_series(1, 300) n;
ANALYZE;
