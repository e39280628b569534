-- What an API used: tokens, and a cost in cents; one request every half an hour.
-- app_completions_sum_of_input_tokens{window="24h"} 480
-- app_completions_sum_of_input_tokens{window="7d"} 3000
-- app_completions_sum_of_costincents{window="24h"} 24

CREATE TABLE completions (id bigserial PRIMARY KEY, input_tokens int, costincents int, created_at timestamptz NOT NULL);

INSERT INTO completions (input_tokens, costincents, created_at)
SELECT 10, 50, now() - n * interval '30 minutes' - interval '1 second' FROM generate_series(0, 299) n;
ANALYZE;
