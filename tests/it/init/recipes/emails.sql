-- The messages of Ahoy, and a log of emails with a state.
-- init finds: emails(ahoy_messages) emails(email_logs)
-- app_ahoy_messages_sent{window="1h"} 10 to 11
-- app_ahoy_messages_sent{window="24h"} 285 to 287
-- app_ahoy_messages_by_mailer{mailer="UserMailer#welcome"} 142 to 144
-- app_ahoy_messages_by_mailer{mailer="OrderMailer#paid"} 142 to 144
-- app_email_logs_sent{window="1h"} 50 to 59
-- app_email_logs_sent{window="24h"} 200
-- app_email_logs_by_template{kind="welcome"} 200
-- app_email_logs_failed_recently 5

CREATE TABLE ahoy_messages (
  id bigserial PRIMARY KEY,
  user_type varchar,
  user_id bigint,
  "to" varchar,
  mailer varchar,
  subject text,
  sent_at timestamp(6)
);
CREATE TABLE email_logs (
  id bigserial PRIMARY KEY,
  recipient text NOT NULL,
  template text NOT NULL,
  status text NOT NULL,
  sent_at timestamptz NOT NULL
);

-- One every five minutes, and one a minute, of which every tenth came back.
INSERT INTO ahoy_messages (user_type, user_id, "to", mailer, sent_at)
SELECT 'User', n, 'someone@example.com', CASE WHEN n % 2 = 0 THEN 'OrderMailer#paid' ELSE 'UserMailer#welcome' END,
       (now() AT TIME ZONE 'UTC') - n * interval '5 minutes'
FROM generate_series(1, 400) n;
INSERT INTO email_logs (recipient, template, status, sent_at)
SELECT 'someone@example.com', 'welcome', CASE WHEN n % 10 = 0 THEN 'bounced' ELSE 'delivered' END, now() - n * interval '1 minute'
FROM generate_series(1, 200) n;
ANALYZE;
