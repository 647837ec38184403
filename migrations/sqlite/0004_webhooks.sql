-- migrate:up additive:true

-- Who is told of changes by a POST. The secret is stored as it is: it signs what is sent.
CREATE TABLE webhooks (
    id TEXT NOT NULL PRIMARY KEY,
    url TEXT NOT NULL CHECK (url <> ''),
    secret TEXT NOT NULL CHECK (secret <> ''),
    -- What it wants to know of, with commas; empty for everything.
    tables TEXT NOT NULL DEFAULT '',
    kinds TEXT NOT NULL DEFAULT '',
    model_id TEXT,
    -- Whatever it wanted of the changes up to this revision was delivered.
    position INTEGER NOT NULL CHECK (position >= 0),
    created_at TEXT NOT NULL,
    delivered_at TEXT,
    -- Since when every attempt has failed.
    failing_since TEXT,
    paused_at TEXT
);

-- A batch of changes on its way, or arrived: what the webhook wanted of the changes after
-- after_revision, up to through_revision. It stays the same however often it is sent.
CREATE TABLE webhook_deliveries (
    id TEXT NOT NULL PRIMARY KEY,
    webhook_id TEXT NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
    after_revision INTEGER NOT NULL,
    through_revision INTEGER NOT NULL CHECK (through_revision > after_revision),
    events INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    -- Of the last attempt: the HTTP status if there was one, and what went wrong.
    status INTEGER,
    error TEXT,
    started_at TEXT NOT NULL,
    next_attempt_at TEXT,
    delivered_at TEXT
);

-- One row: the process that delivers, and until when it may.
CREATE TABLE webhook_runner (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    holder TEXT NOT NULL,
    held_until TEXT NOT NULL
);
INSERT INTO webhook_runner VALUES (1, '', '');

CREATE UNIQUE INDEX webhook_deliveries_pending ON webhook_deliveries (webhook_id)
    WHERE delivered_at IS NULL;
CREATE INDEX webhook_deliveries_started ON webhook_deliveries (webhook_id, started_at DESC);

-- migrate:down

DROP TABLE webhook_runner;
DROP TABLE webhook_deliveries;
DROP TABLE webhooks;
