-- migrate:up additive:true

-- Who is told of changes by a POST. The secret is stored as it is: it signs what is sent.
CREATE TABLE webhooks (
    id text COLLATE "C" NOT NULL PRIMARY KEY,
    url text COLLATE "C" NOT NULL CHECK (url <> ''),
    secret text COLLATE "C" NOT NULL CHECK (secret <> ''),
    -- What it wants to know of, with commas; empty for everything.
    tables text COLLATE "C" NOT NULL DEFAULT '',
    kinds text COLLATE "C" NOT NULL DEFAULT '',
    model_id text COLLATE "C",
    -- Whatever it wanted of the changes up to this revision was delivered.
    position bigint NOT NULL CHECK (position >= 0),
    created_at text COLLATE "C" NOT NULL,
    delivered_at text COLLATE "C",
    -- Since when every attempt has failed.
    failing_since text COLLATE "C",
    paused_at text COLLATE "C"
);

-- A batch of changes on its way, or arrived: what the webhook wanted of the changes after
-- after_revision, up to through_revision. It stays the same however often it is sent.
CREATE TABLE webhook_deliveries (
    id text COLLATE "C" NOT NULL PRIMARY KEY,
    webhook_id text COLLATE "C" NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
    after_revision bigint NOT NULL,
    through_revision bigint NOT NULL CHECK (through_revision > after_revision),
    events bigint NOT NULL,
    attempts bigint NOT NULL DEFAULT 0,
    -- Of the last attempt: the HTTP status if there was one, and what went wrong.
    status bigint,
    error text COLLATE "C",
    started_at text COLLATE "C" NOT NULL,
    next_attempt_at text COLLATE "C",
    delivered_at text COLLATE "C"
);

-- One row: the process that delivers, and until when it may.
CREATE TABLE webhook_runner (
    id bigint NOT NULL PRIMARY KEY CHECK (id = 1),
    holder text COLLATE "C" NOT NULL,
    held_until text COLLATE "C" NOT NULL
);
INSERT INTO webhook_runner VALUES (1, '', '');

CREATE UNIQUE INDEX webhook_deliveries_pending ON webhook_deliveries (webhook_id)
    WHERE delivered_at IS NULL;
CREATE INDEX webhook_deliveries_started ON webhook_deliveries (webhook_id, started_at DESC);

-- migrate:down

DROP TABLE webhook_runner;
DROP TABLE webhook_deliveries;
DROP TABLE webhooks;
