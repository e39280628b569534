-- The tables of the hivesync pack's contract. Ids may be of any type.

CREATE TABLE users (
    id         bigint PRIMARY KEY,
    username   text NOT NULL UNIQUE,
    email      text NOT NULL UNIQUE,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- A user may have several. A user without any is on the free plan.
CREATE TABLE subscriptions (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id       bigint NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    plan          text NOT NULL,        -- pro, team, …; free
    status        text NOT NULL,        -- trialing, active, past_due, canceled, expired
    trial_ends_at timestamptz,          -- NULL: no trial, or a trial without an end
    created_at    timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE projects (
    id         bigint PRIMARY KEY,
    user_id    bigint NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name       text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- One row per login and per Live View join, at `created_at`.
CREATE TABLE sessions (
    id                bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id           bigint NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    kind              text NOT NULL,    -- login, live_view
    device_id         text,             -- NULL: this session counts as a separate device
    device_type       text,             -- desktop, ipad, phone; NULL or anything else: unknown
    created_at        timestamptz NOT NULL DEFAULT now(),
    last_heartbeat_at timestamptz
);

-- One row per AI request: the job that writes a document.
CREATE TABLE ai_usage_events (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id       bigint NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    status        text NOT NULL,        -- queued, running, completed, failed
    error_class   text,                 -- if failed: provider_error, timeout, safety_rejection
    input_tokens  bigint,
    output_tokens bigint,
    created_at    timestamptz NOT NULL DEFAULT now(),
    completed_at  timestamptz           -- when it was completed or failed
);

-- One row per preview request.
CREATE TABLE preview_jobs (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id      bigint NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    project_id   bigint NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    status       text NOT NULL,         -- queued, building, completed, failed
    error_class  text,                  -- if failed
    created_at   timestamptz NOT NULL DEFAULT now(),
    completed_at timestamptz            -- when it was completed or failed
);
