-- Tickets in a stage.
-- init finds: states(tickets)
-- app_tickets_by_stage{state="triage"} 100
-- app_tickets_by_stage{state="doing"} 100
-- app_tickets_by_stage{state="done"} 100

CREATE TABLE tickets (
  id bigserial PRIMARY KEY,
  title text NOT NULL,
  stage text NOT NULL
);

INSERT INTO tickets (title, stage)
SELECT 'Ticket', (ARRAY['triage', 'doing', 'done'])[1 + n % 3] FROM generate_series(1, 300) n;
ANALYZE;
