-- migrate:up additive:true

-- Who may write. A token is its id and a secret, of which only the hash is kept.
CREATE TABLE tokens (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL CHECK (name <> ''),
    scope TEXT NOT NULL CHECK (scope IN ('pipeline', 'admin')),
    secret_hash TEXT NOT NULL CHECK (length(secret_hash) = 64),
    created_at TEXT NOT NULL,
    expires_at TEXT,
    revoked_at TEXT,
    last_used_at TEXT
);

-- What a run pushed at once. It moved the revision from first_revision to last_revision.
CREATE TABLE pipeline_batches (
    id TEXT NOT NULL PRIMARY KEY,
    run_id TEXT NOT NULL REFERENCES pipeline_runs (id) ON DELETE CASCADE,
    pushed_at TEXT NOT NULL,
    first_revision INTEGER NOT NULL,
    last_revision INTEGER
);

CREATE TABLE pipeline_counts (
    batch_id TEXT NOT NULL REFERENCES pipeline_batches (id) ON DELETE CASCADE,
    table_name TEXT NOT NULL,
    created INTEGER NOT NULL,
    updated INTEGER NOT NULL,
    unchanged INTEGER NOT NULL,
    locked INTEGER NOT NULL,
    held INTEGER NOT NULL,
    PRIMARY KEY (batch_id, table_name)
);

-- What a batch left alone: fields of rows, or whole rows where `field` is empty. `place` counts the
-- rows of the batch's table from 0.
CREATE TABLE pipeline_left (
    batch_id TEXT NOT NULL REFERENCES pipeline_batches (id) ON DELETE CASCADE,
    table_name TEXT NOT NULL,
    place INTEGER NOT NULL,
    row_id TEXT NOT NULL,
    field TEXT NOT NULL,
    reason TEXT NOT NULL CHECK (reason IN ('locked', 'deleted', 'held')),
    PRIMARY KEY (batch_id, table_name, place, field, reason)
);

-- Requests that must have one effect however often they are sent; `target` is what they made.
CREATE TABLE idempotency_keys (
    actor TEXT NOT NULL,
    key TEXT NOT NULL,
    request_hash TEXT NOT NULL,
    target TEXT NOT NULL,
    created_at TEXT NOT NULL,
    PRIMARY KEY (actor, key)
);

-- Fields that a person set: ingest leaves them alone. `field` is its name in the API.
CREATE TABLE locks (
    table_name TEXT NOT NULL
        CHECK (table_name IN ('providers', 'models', 'pricing', 'benchmarks')),
    row_id TEXT NOT NULL,
    field TEXT NOT NULL,
    actor TEXT NOT NULL,
    locked_at TEXT NOT NULL,
    PRIMARY KEY (table_name, row_id, field)
);

-- Prices that differ too much from the stored one to be published unseen. `given` has a bit for each
-- column that the source spoke of, as in service/storage/tables.py.
CREATE TABLE held_prices (
    id INTEGER NOT NULL PRIMARY KEY,
    model_id TEXT NOT NULL REFERENCES models (id) ON DELETE CASCADE,
    service_tier TEXT NOT NULL,
    context_threshold INTEGER NOT NULL,
    effective_date TEXT NOT NULL,
    input_price_per_million INTEGER,
    output_price_per_million INTEGER,
    cached_input_price INTEGER,
    cache_write_price INTEGER,
    reasoning_price INTEGER,
    input_audio_price INTEGER,
    output_audio_price INTEGER,
    state TEXT,
    source_url TEXT,
    verified_at TEXT,
    given INTEGER NOT NULL,
    observed INTEGER NOT NULL CHECK (observed IN (0, 1)),
    -- The stored price that it was compared with.
    current_id INTEGER NOT NULL REFERENCES pricing (id) ON DELETE CASCADE,
    status TEXT NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'accepted', 'rejected')),
    actor TEXT NOT NULL,
    run_id TEXT,
    held_at TEXT NOT NULL,
    decided_at TEXT,
    decided_by TEXT,
    CHECK ((status = 'pending') = (decided_at IS NULL))
);

CREATE UNIQUE INDEX tokens_name ON tokens (name) WHERE revoked_at IS NULL;
CREATE INDEX pipeline_batches_run ON pipeline_batches (run_id, pushed_at);
CREATE INDEX pipeline_runs_running ON pipeline_runs (started_at) WHERE status = 'running';
CREATE INDEX idempotency_keys_created ON idempotency_keys (created_at);
CREATE INDEX held_prices_model ON held_prices (model_id);
CREATE INDEX held_prices_status ON held_prices (status, id);

-- migrate:down

DROP TABLE held_prices;
DROP TABLE locks;
DROP TABLE idempotency_keys;
DROP TABLE pipeline_left;
DROP TABLE pipeline_counts;
DROP TABLE pipeline_batches;
DROP TABLE tokens;
DROP INDEX pipeline_runs_running;
