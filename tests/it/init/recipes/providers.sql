-- Integrations by service, logins by provider, and where people come from: who sent them is no label, alone or among others.
-- app_sign_ups_by_source{provider="newsletter"} 200
-- app_sign_ups_by_source{provider="other"} 100
-- init does not find: providers(recommendations.source)
-- app_integrations_by_service{provider="slack"} 150
-- app_integrations_by_service{provider="github"} 100
-- app_identities_by_provider{provider="google"} 100
-- app_identities_by_source{provider="web"} 200
-- as the owner: INSERT INTO integrations (service) VALUES ('Eudora Vandenberghe')
-- app_integrations_by_service{provider="other"} 1

CREATE TABLE integrations (id serial PRIMARY KEY, service text NOT NULL, deleted_at timestamptz);
CREATE TABLE identities (id serial PRIMARY KEY, provider text NOT NULL, source text);
CREATE TABLE sign_ups (id serial PRIMARY KEY, source text NOT NULL);
CREATE TABLE recommendations (id serial PRIMARY KEY, source text NOT NULL);

INSERT INTO integrations (service, deleted_at)
SELECT CASE WHEN n <= 150 THEN 'slack' ELSE 'github' END, CASE WHEN n > 250 THEN now() END FROM generate_series(1, 300) n;
INSERT INTO identities (provider, source) SELECT (ARRAY['google', 'saml'])[1 + n % 2], 'web' FROM generate_series(1, 200) n;
INSERT INTO sign_ups (source) SELECT (ARRAY['newsletter', 'newsletter', 'ottokar'])[1 + n % 3] FROM generate_series(1, 300) n;
INSERT INTO recommendations (source) SELECT (ARRAY['Ottokar', 'Ilsabet', 'Hildburg'])[1 + n % 3] FROM generate_series(1, 300) n;
ANALYZE;
