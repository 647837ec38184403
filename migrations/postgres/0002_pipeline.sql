-- migrate:up additive:true

-- Who may write. A token is its id and a secret, of which only the hash is kept.
CREATE TABLE tokens (
    id text COLLATE "C" NOT NULL PRIMARY KEY,
    name text COLLATE "C" NOT NULL CHECK (name <> ''),
    scope text COLLATE "C" NOT NULL CHECK (scope IN ('pipeline', 'admin')),
    secret_hash text COLLATE "C" NOT NULL CHECK (length(secret_hash) = 64),
    created_at text COLLATE "C" NOT NULL,
    expires_at text COLLATE "C",
    revoked_at text COLLATE "C",
    last_used_at text COLLATE "C"
);

-- What a run pushed at once. It moved the revision from first_revision to last_revision.
CREATE TABLE pipeline_batches (
    id text COLLATE "C" NOT NULL PRIMARY KEY,
    run_id text COLLATE "C" NOT NULL REFERENCES pipeline_runs (id) ON DELETE CASCADE,
    pushed_at text COLLATE "C" NOT NULL,
    first_revision bigint NOT NULL,
    last_revision bigint
);

CREATE TABLE pipeline_counts (
    batch_id text COLLATE "C" NOT NULL REFERENCES pipeline_batches (id) ON DELETE CASCADE,
    table_name text COLLATE "C" NOT NULL,
    created bigint NOT NULL,
    updated bigint NOT NULL,
    unchanged bigint NOT NULL,
    locked bigint NOT NULL,
    held bigint NOT NULL,
    PRIMARY KEY (batch_id, table_name)
);

-- What a batch left alone: fields of rows, or whole rows where `field` is empty. `place` counts the
-- rows of the batch's table from 0.
CREATE TABLE pipeline_left (
    batch_id text COLLATE "C" NOT NULL REFERENCES pipeline_batches (id) ON DELETE CASCADE,
    table_name text COLLATE "C" NOT NULL,
    place bigint NOT NULL,
    row_id text COLLATE "C" NOT NULL,
    field text COLLATE "C" NOT NULL,
    reason text COLLATE "C" NOT NULL CHECK (reason IN ('locked', 'deleted', 'held')),
    PRIMARY KEY (batch_id, table_name, place, field, reason)
);

-- Requests that must have one effect however often they are sent; `target` is what they made.
CREATE TABLE idempotency_keys (
    actor text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    request_hash text COLLATE "C" NOT NULL,
    target text COLLATE "C" NOT NULL,
    created_at text COLLATE "C" NOT NULL,
    PRIMARY KEY (actor, key)
);

-- Fields that a person set: ingest leaves them alone. `field` is its name in the API.
CREATE TABLE locks (
    table_name text COLLATE "C" NOT NULL
        CHECK (table_name IN ('providers', 'models', 'pricing', 'benchmarks')),
    row_id text COLLATE "C" NOT NULL,
    field text COLLATE "C" NOT NULL,
    actor text COLLATE "C" NOT NULL,
    locked_at text COLLATE "C" NOT NULL,
    PRIMARY KEY (table_name, row_id, field)
);

-- Prices that differ too much from the stored one to be published unseen. `given` has a bit for each
-- column that the source spoke of, as in service/storage/tables.py.
CREATE TABLE held_prices (
    id bigint NOT NULL PRIMARY KEY,
    model_id text COLLATE "C" NOT NULL REFERENCES models (id) ON DELETE CASCADE,
    service_tier text COLLATE "C" NOT NULL,
    context_threshold bigint NOT NULL,
    effective_date text COLLATE "C" NOT NULL,
    input_price_per_million bigint,
    output_price_per_million bigint,
    cached_input_price bigint,
    cache_write_price bigint,
    reasoning_price bigint,
    input_audio_price bigint,
    output_audio_price bigint,
    state text COLLATE "C",
    source_url text COLLATE "C",
    verified_at text COLLATE "C",
    given bigint NOT NULL,
    observed flag NOT NULL,
    -- The stored price that it was compared with.
    current_id bigint NOT NULL REFERENCES pricing (id) ON DELETE CASCADE,
    status text COLLATE "C" NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'accepted', 'rejected')),
    actor text COLLATE "C" NOT NULL,
    run_id text COLLATE "C",
    held_at text COLLATE "C" NOT NULL,
    decided_at text COLLATE "C",
    decided_by text COLLATE "C",
    CHECK ((status = 'pending') = (decided_at IS NULL))
);

CREATE UNIQUE INDEX tokens_name ON tokens (name) WHERE revoked_at IS NULL;
CREATE INDEX pipeline_batches_run ON pipeline_batches (run_id, pushed_at);
CREATE INDEX pipeline_runs_running ON pipeline_runs (started_at) WHERE status = 'running';
CREATE INDEX idempotency_keys_created ON idempotency_keys (created_at);
CREATE INDEX held_prices_model ON held_prices (model_id);
CREATE INDEX held_prices_status ON held_prices (status, id);

-- Its plans are made while tables are small and kept by the session: a scan would stay a scan.
ALTER FUNCTION refresh_listing SET enable_seqscan = off;
ALTER FUNCTION refresh_listing SET enable_hashjoin = off;
ALTER FUNCTION log_change SET enable_seqscan = off;

-- migrate:down

ALTER FUNCTION refresh_listing RESET ALL;
ALTER FUNCTION log_change RESET ALL;
DROP TABLE held_prices;
DROP TABLE locks;
DROP TABLE idempotency_keys;
DROP TABLE pipeline_left;
DROP TABLE pipeline_counts;
DROP TABLE pipeline_batches;
DROP TABLE tokens;
DROP INDEX pipeline_runs_running;
