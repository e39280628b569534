-- Invitations to a team.
-- init finds: invitations(team_invitations)
-- app_team_invitations_sent{window="7d"} 28
-- app_team_invitations_accepted{window="7d"} 9
-- app_team_invitations_not_accepted 200
-- app_team_invitations_open 19

CREATE TABLE team_invitations (
  id bigserial PRIMARY KEY,
  team_id bigint NOT NULL,
  email text NOT NULL,
  token text NOT NULL,
  invited_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  accepted_at timestamptz
);

-- One every six hours, valid for 7 days. Every third was accepted an hour later.
INSERT INTO team_invitations (team_id, email, token, invited_at, expires_at, accepted_at)
SELECT n % 9, 'someone@example.com', md5(n::text), t, t + interval '7 days', CASE WHEN n % 3 = 0 THEN t + interval '1 hour' END
FROM generate_series(1, 300) n, LATERAL (SELECT now() - n * interval '6 hours' + interval '2 hours' AS t) times;
ANALYZE;
