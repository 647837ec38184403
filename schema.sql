-- Generated from migrations/sqlite by `make schema`: change those, never this file.

CREATE TABLE schema_migrations (
    version TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    checksum TEXT NOT NULL,
    additive SMALLINT NOT NULL,
    applied_at TEXT NOT NULL
);

CREATE TABLE providers (
    id TEXT NOT NULL PRIMARY KEY CHECK (id <> '' AND instr(id, '/') = 0),
    name TEXT NOT NULL CHECK (name <> ''),
    website TEXT,
    api_docs_url TEXT,
    -- The casefolded name where lower() would differ, which in SQLite knows ASCII alone.
    name_folded TEXT,
    created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    updated_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    deleted_at TEXT
);

CREATE TABLE models (
    id TEXT NOT NULL PRIMARY KEY CHECK (id = provider_id || '/' || model_id),
    provider_id TEXT NOT NULL REFERENCES providers (id) ON DELETE CASCADE,
    name TEXT NOT NULL CHECK (name <> ''),
    -- The identifier that the provider's API takes.
    model_id TEXT NOT NULL CHECK (model_id <> ''),
    family TEXT,
    mode TEXT NOT NULL DEFAULT 'chat',
    -- Tokens.
    context_window INTEGER CHECK (context_window > 0),
    max_output INTEGER CHECK (max_output > 0),
    -- Sorted, with commas: 'image,text'.
    input_modalities TEXT NOT NULL DEFAULT '',
    output_modalities TEXT NOT NULL DEFAULT '',
    supports_vision INTEGER CHECK (supports_vision IN (0, 1)),
    supports_tools INTEGER CHECK (supports_tools IN (0, 1)),
    supports_function_calling INTEGER CHECK (supports_function_calling IN (0, 1)),
    supports_streaming INTEGER CHECK (supports_streaming IN (0, 1)),
    supports_reasoning INTEGER CHECK (supports_reasoning IN (0, 1)),
    supports_structured_output INTEGER CHECK (supports_structured_output IN (0, 1)),
    supports_prompt_caching INTEGER CHECK (supports_prompt_caching IN (0, 1)),
    open_weights INTEGER CHECK (open_weights IN (0, 1)),
    license TEXT,
    -- YYYY-MM-DD, or YYYY-MM where only the month is known.
    knowledge_cutoff TEXT CHECK (
        knowledge_cutoff
            IS coalesce(date(knowledge_cutoff), substr(date(knowledge_cutoff || '-01'), 1, 7))
    ),
    release_date TEXT CHECK (release_date IS date(release_date)),
    deprecated INTEGER NOT NULL DEFAULT 0 CHECK (deprecated IN (0, 1)),
    deprecation_date TEXT CHECK (deprecation_date IS date(deprecation_date)),
    -- The same model at its maker: an id, shared by all hosts, whether it is listed here or not.
    canonical TEXT,
    source_url TEXT,
    name_folded TEXT,
    created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    updated_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    deleted_at TEXT,
    UNIQUE (provider_id, model_id)
);

CREATE TABLE pricing (
    id INTEGER NOT NULL PRIMARY KEY,
    model_id TEXT NOT NULL REFERENCES models (id) ON DELETE CASCADE,
    input_price_per_million INTEGER CHECK (input_price_per_million >= 0),
    output_price_per_million INTEGER CHECK (output_price_per_million >= 0),
    cached_input_price INTEGER CHECK (cached_input_price >= 0),
    cache_write_price INTEGER CHECK (cache_write_price >= 0),
    reasoning_price INTEGER CHECK (reasoning_price >= 0),
    input_audio_price INTEGER CHECK (input_audio_price >= 0),
    output_audio_price INTEGER CHECK (output_audio_price >= 0),
    effective_date TEXT NOT NULL CHECK (effective_date IS date(effective_date)),
    service_tier TEXT NOT NULL DEFAULT 'standard'
        CHECK (service_tier IN ('standard', 'batch', 'flex', 'priority')),
    -- Tokens of context from which the row applies.
    context_threshold INTEGER NOT NULL DEFAULT 0 CHECK (context_threshold >= 0),
    state TEXT NOT NULL DEFAULT 'paid'
        CHECK (state IN ('paid', 'free', 'unknown', 'subscription')),
    source_url TEXT,
    verified_at TEXT,
    created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    updated_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    deleted_at TEXT,
    CHECK (state <> 'free' OR coalesce(input_price_per_million, 0) + coalesce(output_price_per_million, 0) = 0),
    CHECK (state <> 'unknown' OR coalesce(input_price_per_million, output_price_per_million) IS NULL),
    UNIQUE (model_id, service_tier, context_threshold, effective_date)
);

CREATE TABLE benchmarks (
    id INTEGER NOT NULL PRIMARY KEY,
    model_id TEXT NOT NULL REFERENCES models (id) ON DELETE CASCADE,
    benchmark_name TEXT NOT NULL CHECK (benchmark_name <> ''),
    score INTEGER NOT NULL,
    score_low INTEGER CHECK (score_low <= score),
    score_high INTEGER CHECK (score_high >= score),
    -- The scale of the score: elo, fraction, percent.
    unit TEXT,
    higher_is_better INTEGER NOT NULL DEFAULT 1 CHECK (higher_is_better IN (0, 1)),
    self_reported INTEGER CHECK (self_reported IN (0, 1)),
    source_url TEXT,
    measured_at TEXT CHECK (measured_at IS date(measured_at)),
    created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    updated_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    deleted_at TEXT,
    UNIQUE (model_id, benchmark_name)
);

CREATE TABLE pipeline_runs (
    id TEXT NOT NULL PRIMARY KEY,
    status TEXT NOT NULL DEFAULT 'running' CHECK (status IN ('running', 'success', 'failed')),
    source TEXT,
    actor TEXT NOT NULL DEFAULT 'sql',
    started_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    completed_at TEXT CHECK (completed_at >= started_at),
    models_updated INTEGER NOT NULL DEFAULT 0 CHECK (models_updated >= 0),
    -- JSON: rows per table that were created, updated, unchanged, locked.
    counts TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(counts)),
    errors TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(errors)),
    created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    CHECK ((status = 'running') = (completed_at IS NULL))
);

CREATE TABLE catalog_state (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    actor TEXT NOT NULL DEFAULT 'sql',
    run_id TEXT,
    now TEXT,
    price_day TEXT NOT NULL CHECK (price_day IS date(price_day))
);

CREATE TABLE changes (
    revision INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    table_name TEXT NOT NULL,
    row_id TEXT NOT NULL,
    model_id TEXT,
    kind TEXT NOT NULL,
    -- JSON of the row's columns. A new price has the price that it follows as `before`.
    before TEXT,
    after TEXT,
    actor TEXT NOT NULL,
    run_id TEXT,
    changed_at TEXT NOT NULL
);

CREATE TABLE listing (
    number INTEGER NOT NULL PRIMARY KEY,
    model_id TEXT NOT NULL UNIQUE REFERENCES models (id) ON DELETE CASCADE,
    provider_id TEXT NOT NULL,
    name_folded TEXT NOT NULL,
    -- The folded name and the id in lower case, a newline before each.
    search_text TEXT NOT NULL,
    family TEXT,
    mode TEXT NOT NULL,
    canonical TEXT,
    -- Capabilities and modalities, a bit each: see service/domain/models.py.
    bits INTEGER NOT NULL,
    deprecated INTEGER NOT NULL,
    context_window INTEGER,
    max_output INTEGER,
    release_date TEXT,
    updated_at TEXT NOT NULL,
    -- The current price: base row of the standard tier with the latest day up to price_day.
    price_id INTEGER,
    price_date TEXT,
    next_price_date TEXT,
    input_price INTEGER,
    output_price INTEGER
);

CREATE TABLE listing_counts (
    bits INTEGER NOT NULL,
    mode TEXT NOT NULL,
    -- Empty where it is unknown: a key is never null.
    family TEXT NOT NULL,
    deprecated INTEGER NOT NULL,
    models INTEGER NOT NULL,
    PRIMARY KEY (bits, mode, family, deprecated)
);

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

CREATE TABLE pipeline_left (
    batch_id TEXT NOT NULL REFERENCES pipeline_batches (id) ON DELETE CASCADE,
    table_name TEXT NOT NULL,
    place INTEGER NOT NULL,
    row_id TEXT NOT NULL,
    field TEXT NOT NULL,
    reason TEXT NOT NULL CHECK (reason IN ('locked', 'deleted', 'held')),
    PRIMARY KEY (batch_id, table_name, place, field, reason)
);

CREATE TABLE idempotency_keys (
    actor TEXT NOT NULL,
    key TEXT NOT NULL,
    request_hash TEXT NOT NULL,
    target TEXT NOT NULL,
    created_at TEXT NOT NULL,
    PRIMARY KEY (actor, key)
);

CREATE TABLE locks (
    table_name TEXT NOT NULL
        CHECK (table_name IN ('providers', 'models', 'pricing', 'benchmarks')),
    row_id TEXT NOT NULL,
    field TEXT NOT NULL,
    actor TEXT NOT NULL,
    locked_at TEXT NOT NULL,
    PRIMARY KEY (table_name, row_id, field)
);

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

CREATE TABLE webhook_runner (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    holder TEXT NOT NULL,
    held_until TEXT NOT NULL
);

CREATE TABLE sessions (
    id TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 64),
    -- Null for the token of the environment, which the hash was made with then.
    token_id TEXT REFERENCES tokens (id) ON DELETE CASCADE,
    created_at TEXT NOT NULL,
    expires_at TEXT NOT NULL
);

CREATE TABLE sign_in_attempts (
    bucket TEXT NOT NULL PRIMARY KEY,
    busy_until INTEGER NOT NULL
);

CREATE TABLE backups (
    name TEXT NOT NULL PRIMARY KEY,
    started_at TEXT NOT NULL,
    finished_at TEXT,
    -- Bytes, and the SHA-256 of them.
    size INTEGER,
    sha256 TEXT,
    revision INTEGER,
    -- When a database was made of it and found equal.
    verified_at TEXT,
    error TEXT
);

CREATE TABLE backup_runner (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    holder TEXT NOT NULL,
    held_until TEXT NOT NULL
);

CREATE TABLE listing_prices (
    -- Days since 1970: the first of the period, and the first after it. Before the first price is a
    -- period from -800000 on, in which it is unknown; what has no end ends at 3000000.
    starts INTEGER NOT NULL,
    ends INTEGER NOT NULL,
    -- The length, rounded up to whole weeks; 1000000 where there is no end. The periods of one length
    -- that hold a day are those which began up to that length before: one piece of the key.
    weeks INTEGER NOT NULL,
    number INTEGER NOT NULL REFERENCES listing (number) ON DELETE CASCADE,
    input_price INTEGER,
    output_price INTEGER,
    deprecated INTEGER NOT NULL,
    bits INTEGER NOT NULL,
    context_window INTEGER,
    max_output INTEGER,
    release_date TEXT,
    PRIMARY KEY (weeks, starts, number)
) WITHOUT ROWID;

CREATE VIRTUAL TABLE listing_search USING fts5 (
    search_text, content = "listing_words", content_rowid = "number",
    tokenize = "trigram case_sensitive 1"
);

CREATE VIRTUAL TABLE listing_terms USING fts5vocab (listing_search, row);

CREATE INDEX models_provider ON models (provider_id, deprecated);

CREATE INDEX models_deprecated ON models (deprecated);

CREATE INDEX models_canonical ON models (canonical);

CREATE INDEX pricing_model_date ON pricing (model_id, effective_date DESC);

CREATE INDEX pipeline_runs_started ON pipeline_runs (started_at DESC);

CREATE INDEX changes_model ON changes (model_id, revision);

CREATE INDEX changes_kind ON changes (kind, revision);

CREATE INDEX listing_canonical ON listing (canonical);

CREATE INDEX listing_next_price ON listing (next_price_date) WHERE next_price_date IS NOT NULL;

CREATE INDEX listing_ids ON listing (
    model_id, deprecated, bits, context_window, max_output, input_price, output_price, release_date
);

CREATE INDEX listing_name ON listing (
    name_folded, model_id, deprecated, bits, context_window, max_output, input_price, output_price,
    release_date
);

CREATE INDEX listing_provider ON listing (
    provider_id, model_id, deprecated, bits, context_window, max_output, input_price, output_price,
    release_date
);

CREATE INDEX listing_released ON listing (
    release_date DESC, model_id, deprecated, bits, context_window, max_output, input_price,
    output_price
);

CREATE INDEX listing_context ON listing (
    context_window DESC, model_id, deprecated, bits, max_output, input_price, output_price,
    release_date
);

CREATE INDEX listing_output ON listing (
    max_output DESC, model_id, deprecated, bits, context_window, input_price, output_price,
    release_date
);

CREATE INDEX listing_input_price ON listing (
    input_price, model_id, deprecated, bits, context_window, max_output, output_price, release_date
);

CREATE INDEX listing_output_price ON listing (
    output_price, model_id, deprecated, bits, context_window, max_output, input_price, release_date
);

CREATE INDEX listing_updated ON listing (
    updated_at DESC, model_id, deprecated, bits, context_window, max_output, input_price,
    output_price, release_date
);

CREATE INDEX listing_kinds ON listing (
    bits, mode, family, deprecated, context_window, max_output, input_price, output_price,
    release_date
);

CREATE UNIQUE INDEX tokens_name ON tokens (name) WHERE revoked_at IS NULL;

CREATE INDEX pipeline_batches_run ON pipeline_batches (run_id, pushed_at);

CREATE INDEX pipeline_runs_running ON pipeline_runs (started_at) WHERE status = 'running';

CREATE INDEX idempotency_keys_created ON idempotency_keys (created_at);

CREATE INDEX held_prices_model ON held_prices (model_id);

CREATE INDEX held_prices_status ON held_prices (status, id);

CREATE UNIQUE INDEX webhook_deliveries_pending ON webhook_deliveries (webhook_id)
    WHERE delivered_at IS NULL;

CREATE INDEX webhook_deliveries_started ON webhook_deliveries (webhook_id, started_at DESC);

CREATE INDEX benchmarks_ranking ON benchmarks (
    benchmark_name, score DESC, model_id, higher_is_better, deleted_at
);

CREATE INDEX sessions_expires ON sessions (expires_at);

CREATE INDEX providers_deleted ON providers (id) WHERE deleted_at IS NOT NULL;

CREATE INDEX models_deleted ON models (id) WHERE deleted_at IS NOT NULL;

CREATE INDEX pricing_deleted ON pricing (id) WHERE deleted_at IS NOT NULL;

CREATE INDEX benchmarks_deleted ON benchmarks (id) WHERE deleted_at IS NOT NULL;

CREATE INDEX backups_verified ON backups (verified_at);

CREATE INDEX listing_prices_number ON listing_prices (number, starts, input_price, output_price);

CREATE INDEX listing_prices_input_price ON listing_prices (input_price, ends, output_price)
WHERE input_price IS NOT NULL;

CREATE INDEX listing_prices_output_price ON listing_prices (output_price, ends, input_price)
WHERE output_price IS NOT NULL;

CREATE INDEX listing_ranked ON listing (
    (CASE WHEN canonical = model_id THEN 0 ELSE 1 END), deprecated, (length(name_folded)),
    name_folded, model_id, search_text
);

CREATE INDEX listing_text ON listing (
    bits, mode, family, deprecated, context_window, max_output, input_price, output_price,
    release_date, search_text
);

CREATE INDEX pricing_date ON pricing (effective_date DESC, id DESC, deleted_at);

CREATE INDEX pricing_output ON pricing (output_price_per_million, id, deleted_at);

CREATE INDEX pricing_updated ON pricing (updated_at, id, deleted_at);

CREATE INDEX pricing_input ON pricing (
    input_price_per_million, id, deleted_at, output_price_per_million, cached_input_price,
    cache_write_price, reasoning_price, input_audio_price, output_audio_price, service_tier,
    context_threshold, state
);

CREATE INDEX changes_time ON changes (changed_at, revision, actor, run_id);

CREATE INDEX pricing_cached ON pricing (cached_input_price, id, deleted_at);

CREATE INDEX pricing_cache_write ON pricing (cache_write_price, id, deleted_at);

CREATE INDEX pricing_reasoning ON pricing (reasoning_price, id, deleted_at);

CREATE INDEX pricing_audio_in ON pricing (input_audio_price, id, deleted_at);

CREATE INDEX pricing_audio_out ON pricing (output_audio_price, id, deleted_at);

CREATE INDEX pricing_tier ON pricing (service_tier, id, deleted_at);

CREATE INDEX pricing_threshold ON pricing (context_threshold, id, deleted_at);

CREATE INDEX pricing_state ON pricing (state, id, deleted_at);

CREATE INDEX pricing_source ON pricing (source_url, id, deleted_at);

CREATE INDEX pricing_verified ON pricing (verified_at, id, deleted_at);

CREATE INDEX pricing_created ON pricing (created_at, id, deleted_at);

CREATE INDEX changes_actor ON changes (actor, revision);

CREATE INDEX changes_run ON changes (run_id, revision);

CREATE INDEX changes_table ON changes (table_name, revision);

CREATE INDEX changes_row ON changes (row_id, revision, table_name);

CREATE VIEW listing_source AS
SELECT
    m.id AS model_id,
    m.provider_id,
    coalesce(m.name_folded, lower(m.name)) AS name_folded,
    char(10) || coalesce(m.name_folded, lower(m.name)) || char(10) || lower(m.id) AS search_text,
    m.family,
    m.mode,
    m.canonical,
    coalesce(m.supports_vision, 0) * 1
        + coalesce(m.supports_tools, 0) * 2
        + coalesce(m.supports_function_calling, 0) * 4
        + coalesce(m.supports_streaming, 0) * 8
        + coalesce(m.supports_reasoning, 0) * 16
        + coalesce(m.supports_structured_output, 0) * 32
        + coalesce(m.supports_prompt_caching, 0) * 64
        + coalesce(m.open_weights, 0) * 128
        + coalesce(1 - m.open_weights, 0) * 256
        + (instr(m.input_modalities, 'text') > 0) * 512
        + (instr(m.input_modalities, 'image') > 0) * 1024
        + (instr(m.input_modalities, 'audio') > 0) * 2048
        + (instr(m.input_modalities, 'video') > 0) * 4096
        + (instr(m.input_modalities, 'pdf') > 0) * 8192
        + (instr(m.output_modalities, 'text') > 0) * 16384
        + (instr(m.output_modalities, 'image') > 0) * 32768
        + (instr(m.output_modalities, 'audio') > 0) * 65536
        + (instr(m.output_modalities, 'video') > 0) * 131072
        + (instr(m.output_modalities, 'pdf') > 0) * 262144 AS bits,
    m.deprecated,
    m.context_window,
    m.max_output,
    m.release_date,
    m.updated_at,
    c.id AS price_id,
    c.effective_date AS price_date,
    (
        SELECT min(n.effective_date) FROM pricing AS n
        WHERE n.model_id = m.id AND n.service_tier = 'standard' AND n.context_threshold = 0
            AND n.effective_date > s.price_day AND n.deleted_at IS NULL
    ) AS next_price_date,
    c.input_price_per_million AS input_price,
    c.output_price_per_million AS output_price
FROM models AS m
JOIN providers AS p ON p.id = m.provider_id
JOIN catalog_state AS s ON s.id = 1
LEFT JOIN pricing AS c ON c.id = (
    SELECT l.id FROM pricing AS l
    WHERE l.model_id = m.id AND l.service_tier = 'standard' AND l.context_threshold = 0
        AND l.effective_date <= s.price_day AND l.deleted_at IS NULL
    ORDER BY l.effective_date DESC LIMIT 1
)
WHERE m.deleted_at IS NULL AND p.deleted_at IS NULL;

CREATE VIEW listing_counts_source AS
SELECT bits, mode, coalesce(family, '') AS family, deprecated, count(*) AS models
FROM listing GROUP BY bits, mode, coalesce(family, ''), deprecated;

CREATE VIEW listing_refresh AS SELECT model_id FROM listing;

CREATE VIEW listing_prices_source AS
SELECT
    starts, ends, CASE ends WHEN 3000000 THEN 1000000 ELSE (ends - starts + 6) / 7 END AS weeks,
    number, input_price, output_price, deprecated, bits, context_window, max_output, release_date
FROM (
    SELECT
        unixepoch(p.effective_date) / 86400 AS starts,
        coalesce(
            (
                SELECT unixepoch(min(n.effective_date)) / 86400 FROM pricing AS n
                WHERE n.model_id = p.model_id AND n.service_tier = 'standard'
                    AND n.context_threshold = 0 AND n.effective_date > p.effective_date
                    AND n.deleted_at IS NULL
            ),
            3000000
        ) AS ends,
        l.number, p.input_price_per_million AS input_price,
        p.output_price_per_million AS output_price, l.deprecated, l.bits, l.context_window,
        l.max_output, l.release_date
    FROM listing AS l JOIN pricing AS p ON p.model_id = l.model_id
    WHERE p.service_tier = 'standard' AND p.context_threshold = 0 AND p.deleted_at IS NULL
    UNION ALL
    SELECT
        -800000,
        coalesce(
            (
                SELECT unixepoch(min(n.effective_date)) / 86400 FROM pricing AS n
                WHERE n.model_id = l.model_id AND n.service_tier = 'standard'
                    AND n.context_threshold = 0 AND n.deleted_at IS NULL
            ),
            3000000
        ),
        l.number, NULL, NULL, l.deprecated, l.bits, l.context_window, l.max_output, l.release_date
    FROM listing AS l
) AS periods;

CREATE VIEW listing_prices_refresh AS
SELECT l.number, l.model_id, '1970-01-01' AS effective_date FROM listing AS l;

CREATE VIEW listing_words AS
SELECT number, search_text || substr(char(10, 10, 10), 1, 2 + deprecated) AS search_text
FROM listing;

CREATE TRIGGER listing_refreshed INSTEAD OF INSERT ON listing_refresh BEGIN
    DELETE FROM listing
    WHERE model_id = NEW.model_id
        AND NOT EXISTS (SELECT 1 FROM listing_source AS s WHERE s.model_id = NEW.model_id);
    INSERT INTO listing (
        model_id, provider_id, name_folded, search_text, family, mode, canonical, bits,
        deprecated, context_window, max_output, release_date, updated_at, price_id, price_date,
        next_price_date, input_price, output_price
    )
    SELECT
        model_id, provider_id, name_folded, search_text, family, mode, canonical, bits,
        deprecated, context_window, max_output, release_date, updated_at, price_id, price_date,
        next_price_date, input_price, output_price
    FROM listing_source WHERE model_id = NEW.model_id
    ON CONFLICT (model_id) DO UPDATE SET
        provider_id = excluded.provider_id, name_folded = excluded.name_folded,
        search_text = excluded.search_text, family = excluded.family, mode = excluded.mode,
        canonical = excluded.canonical, bits = excluded.bits, deprecated = excluded.deprecated,
        context_window = excluded.context_window, max_output = excluded.max_output,
        release_date = excluded.release_date, updated_at = excluded.updated_at,
        price_id = excluded.price_id, price_date = excluded.price_date,
        next_price_date = excluded.next_price_date, input_price = excluded.input_price,
        output_price = excluded.output_price
    WHERE (
        excluded.provider_id, excluded.name_folded, excluded.search_text, excluded.family,
        excluded.mode, excluded.canonical, excluded.bits, excluded.deprecated,
        excluded.context_window, excluded.max_output, excluded.release_date,
        excluded.updated_at, excluded.price_id, excluded.price_date, excluded.next_price_date,
        excluded.input_price, excluded.output_price
    ) IS NOT (
        listing.provider_id, listing.name_folded, listing.search_text, listing.family,
        listing.mode, listing.canonical, listing.bits, listing.deprecated,
        listing.context_window, listing.max_output, listing.release_date, listing.updated_at,
        listing.price_id, listing.price_date, listing.next_price_date, listing.input_price,
        listing.output_price
    );
END;

CREATE TRIGGER listing_count_inserted AFTER INSERT ON listing BEGIN
    INSERT INTO listing_counts
    VALUES (NEW.bits, NEW.mode, coalesce(NEW.family, ''), NEW.deprecated, 1)
    ON CONFLICT DO UPDATE SET models = models + 1;
END;

CREATE TRIGGER listing_count_deleted AFTER DELETE ON listing BEGIN
    UPDATE listing_counts SET models = models - 1
    WHERE (bits, mode, family, deprecated)
        = (OLD.bits, OLD.mode, coalesce(OLD.family, ''), OLD.deprecated);
    DELETE FROM listing_counts
    WHERE (bits, mode, family, deprecated)
        = (OLD.bits, OLD.mode, coalesce(OLD.family, ''), OLD.deprecated) AND models = 0;
END;

CREATE TRIGGER listing_count_updated AFTER UPDATE OF bits, mode, family, deprecated ON listing
WHEN (NEW.bits, NEW.mode, NEW.family, NEW.deprecated)
    IS NOT (OLD.bits, OLD.mode, OLD.family, OLD.deprecated) BEGIN
    UPDATE listing_counts SET models = models - 1
    WHERE (bits, mode, family, deprecated)
        = (OLD.bits, OLD.mode, coalesce(OLD.family, ''), OLD.deprecated);
    DELETE FROM listing_counts
    WHERE (bits, mode, family, deprecated)
        = (OLD.bits, OLD.mode, coalesce(OLD.family, ''), OLD.deprecated) AND models = 0;
    INSERT INTO listing_counts
    VALUES (NEW.bits, NEW.mode, coalesce(NEW.family, ''), NEW.deprecated, 1)
    ON CONFLICT DO UPDATE SET models = models + 1;
END;

CREATE TRIGGER providers_inserted AFTER INSERT ON providers BEGIN
    INSERT INTO changes (table_name, row_id, model_id, kind, after, actor, run_id, changed_at)
    SELECT 'providers', NEW.id, NULL, 'provider_added',
        json_object(
            'id', NEW.id, 'name', NEW.name, 'website', NEW.website,
            'api_docs_url', NEW.api_docs_url, 'created_at', NEW.created_at,
            'deleted_at', NEW.deleted_at
        ),
        actor, run_id, coalesce(now, strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
    FROM catalog_state;
END;

CREATE TRIGGER providers_updated AFTER UPDATE ON providers
WHEN (
    NEW.name, NEW.website, NEW.api_docs_url, NEW.deleted_at
) IS NOT (
    OLD.name, OLD.website, OLD.api_docs_url, OLD.deleted_at
) BEGIN
    UPDATE providers SET updated_at = (SELECT coalesce(now, strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) FROM catalog_state)
    WHERE id = NEW.id AND updated_at = OLD.updated_at;
    INSERT INTO changes (
        table_name, row_id, model_id, kind, before, after, actor, run_id, changed_at
    )
    SELECT 'providers', NEW.id, NULL,
        CASE
            WHEN NEW.deleted_at IS NOT NULL AND OLD.deleted_at IS NULL THEN 'provider_deleted'
            WHEN NEW.deleted_at IS NULL AND OLD.deleted_at IS NOT NULL THEN 'provider_restored'
            ELSE 'provider_changed'
        END,
        json_object(
            'id', OLD.id, 'name', OLD.name, 'website', OLD.website,
            'api_docs_url', OLD.api_docs_url, 'created_at', OLD.created_at,
            'deleted_at', OLD.deleted_at
        ),
        json_object(
            'id', NEW.id, 'name', NEW.name, 'website', NEW.website,
            'api_docs_url', NEW.api_docs_url, 'created_at', NEW.created_at,
            'deleted_at', NEW.deleted_at
        ),
        actor, run_id, coalesce(now, strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
    FROM catalog_state;
END;

CREATE TRIGGER providers_deleted AFTER DELETE ON providers BEGIN
    INSERT INTO changes (table_name, row_id, model_id, kind, before, actor, run_id, changed_at)
    SELECT 'providers', OLD.id, NULL, 'provider_deleted',
        json_object(
            'id', OLD.id, 'name', OLD.name, 'website', OLD.website,
            'api_docs_url', OLD.api_docs_url, 'created_at', OLD.created_at,
            'deleted_at', OLD.deleted_at
        ),
        actor, run_id, coalesce(now, strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
    FROM catalog_state;
END;

CREATE TRIGGER models_inserted AFTER INSERT ON models BEGIN
    INSERT INTO changes (table_name, row_id, model_id, kind, after, actor, run_id, changed_at)
    SELECT 'models', NEW.id, NEW.id, 'model_added',
        json_object(
            'id', NEW.id, 'provider_id', NEW.provider_id, 'name', NEW.name,
            'model_id', NEW.model_id, 'family', NEW.family, 'mode', NEW.mode,
            'context_window', NEW.context_window, 'max_output', NEW.max_output,
            'input_modalities', NEW.input_modalities,
            'output_modalities', NEW.output_modalities, 'supports_vision', NEW.supports_vision,
            'supports_tools', NEW.supports_tools,
            'supports_function_calling', NEW.supports_function_calling,
            'supports_streaming', NEW.supports_streaming,
            'supports_reasoning', NEW.supports_reasoning,
            'supports_structured_output', NEW.supports_structured_output,
            'supports_prompt_caching', NEW.supports_prompt_caching,
            'open_weights', NEW.open_weights, 'license', NEW.license,
            'knowledge_cutoff', NEW.knowledge_cutoff, 'release_date', NEW.release_date,
            'deprecated', NEW.deprecated, 'deprecation_date', NEW.deprecation_date,
            'canonical', NEW.canonical, 'source_url', NEW.source_url,
            'created_at', NEW.created_at, 'deleted_at', NEW.deleted_at
        ),
        actor, run_id, coalesce(now, strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
    FROM catalog_state;
END;

CREATE TRIGGER models_updated AFTER UPDATE ON models
WHEN (
    NEW.provider_id, NEW.name, NEW.model_id, NEW.family, NEW.mode, NEW.context_window,
    NEW.max_output, NEW.input_modalities, NEW.output_modalities, NEW.supports_vision,
    NEW.supports_tools, NEW.supports_function_calling, NEW.supports_streaming,
    NEW.supports_reasoning, NEW.supports_structured_output, NEW.supports_prompt_caching,
    NEW.open_weights, NEW.license, NEW.knowledge_cutoff, NEW.release_date, NEW.deprecated,
    NEW.deprecation_date, NEW.canonical, NEW.source_url, NEW.deleted_at
) IS NOT (
    OLD.provider_id, OLD.name, OLD.model_id, OLD.family, OLD.mode, OLD.context_window,
    OLD.max_output, OLD.input_modalities, OLD.output_modalities, OLD.supports_vision,
    OLD.supports_tools, OLD.supports_function_calling, OLD.supports_streaming,
    OLD.supports_reasoning, OLD.supports_structured_output, OLD.supports_prompt_caching,
    OLD.open_weights, OLD.license, OLD.knowledge_cutoff, OLD.release_date, OLD.deprecated,
    OLD.deprecation_date, OLD.canonical, OLD.source_url, OLD.deleted_at
) BEGIN
    UPDATE models SET updated_at = (SELECT coalesce(now, strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) FROM catalog_state)
    WHERE id = NEW.id AND updated_at = OLD.updated_at;
    INSERT INTO changes (
        table_name, row_id, model_id, kind, before, after, actor, run_id, changed_at
    )
    SELECT 'models', NEW.id, NEW.id,
        CASE
            WHEN NEW.deleted_at IS NOT NULL AND OLD.deleted_at IS NULL THEN 'model_deleted'
            WHEN NEW.deleted_at IS NULL AND OLD.deleted_at IS NOT NULL THEN 'model_restored'
            WHEN NEW.deprecated > OLD.deprecated THEN 'model_deprecated'
            ELSE 'model_changed'
        END,
        json_object(
            'id', OLD.id, 'provider_id', OLD.provider_id, 'name', OLD.name,
            'model_id', OLD.model_id, 'family', OLD.family, 'mode', OLD.mode,
            'context_window', OLD.context_window, 'max_output', OLD.max_output,
            'input_modalities', OLD.input_modalities,
            'output_modalities', OLD.output_modalities, 'supports_vision', OLD.supports_vision,
            'supports_tools', OLD.supports_tools,
            'supports_function_calling', OLD.supports_function_calling,
            'supports_streaming', OLD.supports_streaming,
            'supports_reasoning', OLD.supports_reasoning,
            'supports_structured_output', OLD.supports_structured_output,
            'supports_prompt_caching', OLD.supports_prompt_caching,
            'open_weights', OLD.open_weights, 'license', OLD.license,
            'knowledge_cutoff', OLD.knowledge_cutoff, 'release_date', OLD.release_date,
            'deprecated', OLD.deprecated, 'deprecation_date', OLD.deprecation_date,
            'canonical', OLD.canonical, 'source_url', OLD.source_url,
            'created_at', OLD.created_at, 'deleted_at', OLD.deleted_at
        ),
        json_object(
            'id', NEW.id, 'provider_id', NEW.provider_id, 'name', NEW.name,
            'model_id', NEW.model_id, 'family', NEW.family, 'mode', NEW.mode,
            'context_window', NEW.context_window, 'max_output', NEW.max_output,
            'input_modalities', NEW.input_modalities,
            'output_modalities', NEW.output_modalities, 'supports_vision', NEW.supports_vision,
            'supports_tools', NEW.supports_tools,
            'supports_function_calling', NEW.supports_function_calling,
            'supports_streaming', NEW.supports_streaming,
            'supports_reasoning', NEW.supports_reasoning,
            'supports_structured_output', NEW.supports_structured_output,
            'supports_prompt_caching', NEW.supports_prompt_caching,
            'open_weights', NEW.open_weights, 'license', NEW.license,
            'knowledge_cutoff', NEW.knowledge_cutoff, 'release_date', NEW.release_date,
            'deprecated', NEW.deprecated, 'deprecation_date', NEW.deprecation_date,
            'canonical', NEW.canonical, 'source_url', NEW.source_url,
            'created_at', NEW.created_at, 'deleted_at', NEW.deleted_at
        ),
        actor, run_id, coalesce(now, strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
    FROM catalog_state;
END;

CREATE TRIGGER models_deleted AFTER DELETE ON models BEGIN
    INSERT INTO changes (table_name, row_id, model_id, kind, before, actor, run_id, changed_at)
    SELECT 'models', OLD.id, OLD.id, 'model_deleted',
        json_object(
            'id', OLD.id, 'provider_id', OLD.provider_id, 'name', OLD.name,
            'model_id', OLD.model_id, 'family', OLD.family, 'mode', OLD.mode,
            'context_window', OLD.context_window, 'max_output', OLD.max_output,
            'input_modalities', OLD.input_modalities,
            'output_modalities', OLD.output_modalities, 'supports_vision', OLD.supports_vision,
            'supports_tools', OLD.supports_tools,
            'supports_function_calling', OLD.supports_function_calling,
            'supports_streaming', OLD.supports_streaming,
            'supports_reasoning', OLD.supports_reasoning,
            'supports_structured_output', OLD.supports_structured_output,
            'supports_prompt_caching', OLD.supports_prompt_caching,
            'open_weights', OLD.open_weights, 'license', OLD.license,
            'knowledge_cutoff', OLD.knowledge_cutoff, 'release_date', OLD.release_date,
            'deprecated', OLD.deprecated, 'deprecation_date', OLD.deprecation_date,
            'canonical', OLD.canonical, 'source_url', OLD.source_url,
            'created_at', OLD.created_at, 'deleted_at', OLD.deleted_at
        ),
        actor, run_id, coalesce(now, strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
    FROM catalog_state;
END;

CREATE TRIGGER pricing_inserted AFTER INSERT ON pricing BEGIN
    INSERT INTO changes (
        table_name, row_id, model_id, kind, before, after, actor, run_id, changed_at
    )
    SELECT 'pricing', NEW.id, NEW.model_id,
        iif(previous.price IS NULL, 'price_added', 'price_changed'),
        previous.price,
        json_object(
            'id', NEW.id, 'model_id', NEW.model_id,
            'input_price_per_million', NEW.input_price_per_million,
            'output_price_per_million', NEW.output_price_per_million,
            'cached_input_price', NEW.cached_input_price,
            'cache_write_price', NEW.cache_write_price, 'reasoning_price', NEW.reasoning_price,
            'input_audio_price', NEW.input_audio_price,
            'output_audio_price', NEW.output_audio_price, 'effective_date', NEW.effective_date,
            'service_tier', NEW.service_tier, 'context_threshold', NEW.context_threshold,
            'state', NEW.state, 'source_url', NEW.source_url, 'verified_at', NEW.verified_at,
            'created_at', NEW.created_at, 'deleted_at', NEW.deleted_at
        ),
        s.actor, s.run_id, coalesce(s.now, strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
    FROM catalog_state AS s LEFT JOIN (
        SELECT json_object(
            'id', p.id, 'model_id', p.model_id,
            'input_price_per_million', p.input_price_per_million,
            'output_price_per_million', p.output_price_per_million,
            'cached_input_price', p.cached_input_price,
            'cache_write_price', p.cache_write_price, 'reasoning_price', p.reasoning_price,
            'input_audio_price', p.input_audio_price,
            'output_audio_price', p.output_audio_price, 'effective_date', p.effective_date,
            'service_tier', p.service_tier, 'context_threshold', p.context_threshold,
            'state', p.state, 'source_url', p.source_url, 'verified_at', p.verified_at,
            'created_at', p.created_at, 'deleted_at', p.deleted_at
        ) AS price
        FROM pricing AS p
        WHERE p.model_id = NEW.model_id AND p.service_tier = NEW.service_tier
            AND p.context_threshold = NEW.context_threshold
            AND p.effective_date < NEW.effective_date AND p.deleted_at IS NULL
        ORDER BY p.effective_date DESC LIMIT 1
    ) AS previous;
END;

CREATE TRIGGER pricing_updated AFTER UPDATE ON pricing
WHEN (
    NEW.model_id, NEW.input_price_per_million, NEW.output_price_per_million,
    NEW.cached_input_price, NEW.cache_write_price, NEW.reasoning_price, NEW.input_audio_price,
    NEW.output_audio_price, NEW.effective_date, NEW.service_tier, NEW.context_threshold,
    NEW.state, NEW.source_url, NEW.verified_at, NEW.deleted_at
) IS NOT (
    OLD.model_id, OLD.input_price_per_million, OLD.output_price_per_million,
    OLD.cached_input_price, OLD.cache_write_price, OLD.reasoning_price, OLD.input_audio_price,
    OLD.output_audio_price, OLD.effective_date, OLD.service_tier, OLD.context_threshold,
    OLD.state, OLD.source_url, OLD.verified_at, OLD.deleted_at
) BEGIN
    UPDATE pricing SET updated_at = (SELECT coalesce(now, strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) FROM catalog_state)
    WHERE id = NEW.id AND updated_at = OLD.updated_at;
    INSERT INTO changes (
        table_name, row_id, model_id, kind, before, after, actor, run_id, changed_at
    )
    SELECT 'pricing', NEW.id, NEW.model_id,
        CASE
            WHEN NEW.deleted_at IS NOT NULL AND OLD.deleted_at IS NULL THEN 'price_deleted'
            WHEN NEW.deleted_at IS NULL AND OLD.deleted_at IS NOT NULL THEN 'price_restored'
            ELSE 'price_corrected'
        END,
        json_object(
            'id', OLD.id, 'model_id', OLD.model_id,
            'input_price_per_million', OLD.input_price_per_million,
            'output_price_per_million', OLD.output_price_per_million,
            'cached_input_price', OLD.cached_input_price,
            'cache_write_price', OLD.cache_write_price, 'reasoning_price', OLD.reasoning_price,
            'input_audio_price', OLD.input_audio_price,
            'output_audio_price', OLD.output_audio_price, 'effective_date', OLD.effective_date,
            'service_tier', OLD.service_tier, 'context_threshold', OLD.context_threshold,
            'state', OLD.state, 'source_url', OLD.source_url, 'verified_at', OLD.verified_at,
            'created_at', OLD.created_at, 'deleted_at', OLD.deleted_at
        ),
        json_object(
            'id', NEW.id, 'model_id', NEW.model_id,
            'input_price_per_million', NEW.input_price_per_million,
            'output_price_per_million', NEW.output_price_per_million,
            'cached_input_price', NEW.cached_input_price,
            'cache_write_price', NEW.cache_write_price, 'reasoning_price', NEW.reasoning_price,
            'input_audio_price', NEW.input_audio_price,
            'output_audio_price', NEW.output_audio_price, 'effective_date', NEW.effective_date,
            'service_tier', NEW.service_tier, 'context_threshold', NEW.context_threshold,
            'state', NEW.state, 'source_url', NEW.source_url, 'verified_at', NEW.verified_at,
            'created_at', NEW.created_at, 'deleted_at', NEW.deleted_at
        ),
        actor, run_id, coalesce(now, strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
    FROM catalog_state;
END;

CREATE TRIGGER pricing_deleted AFTER DELETE ON pricing BEGIN
    INSERT INTO changes (table_name, row_id, model_id, kind, before, actor, run_id, changed_at)
    SELECT 'pricing', OLD.id, OLD.model_id, 'price_deleted',
        json_object(
            'id', OLD.id, 'model_id', OLD.model_id,
            'input_price_per_million', OLD.input_price_per_million,
            'output_price_per_million', OLD.output_price_per_million,
            'cached_input_price', OLD.cached_input_price,
            'cache_write_price', OLD.cache_write_price, 'reasoning_price', OLD.reasoning_price,
            'input_audio_price', OLD.input_audio_price,
            'output_audio_price', OLD.output_audio_price, 'effective_date', OLD.effective_date,
            'service_tier', OLD.service_tier, 'context_threshold', OLD.context_threshold,
            'state', OLD.state, 'source_url', OLD.source_url, 'verified_at', OLD.verified_at,
            'created_at', OLD.created_at, 'deleted_at', OLD.deleted_at
        ),
        actor, run_id, coalesce(now, strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
    FROM catalog_state;
END;

CREATE TRIGGER benchmarks_inserted AFTER INSERT ON benchmarks BEGIN
    INSERT INTO changes (table_name, row_id, model_id, kind, after, actor, run_id, changed_at)
    SELECT 'benchmarks', NEW.id, NEW.model_id, 'score_added',
        json_object(
            'id', NEW.id, 'model_id', NEW.model_id, 'benchmark_name', NEW.benchmark_name,
            'score', NEW.score, 'score_low', NEW.score_low, 'score_high', NEW.score_high,
            'unit', NEW.unit, 'higher_is_better', NEW.higher_is_better,
            'self_reported', NEW.self_reported, 'source_url', NEW.source_url,
            'measured_at', NEW.measured_at, 'created_at', NEW.created_at,
            'deleted_at', NEW.deleted_at
        ),
        actor, run_id, coalesce(now, strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
    FROM catalog_state;
END;

CREATE TRIGGER benchmarks_updated AFTER UPDATE ON benchmarks
WHEN (
    NEW.model_id, NEW.benchmark_name, NEW.score, NEW.score_low, NEW.score_high, NEW.unit,
    NEW.higher_is_better, NEW.self_reported, NEW.source_url, NEW.measured_at, NEW.deleted_at
) IS NOT (
    OLD.model_id, OLD.benchmark_name, OLD.score, OLD.score_low, OLD.score_high, OLD.unit,
    OLD.higher_is_better, OLD.self_reported, OLD.source_url, OLD.measured_at, OLD.deleted_at
) BEGIN
    UPDATE benchmarks SET updated_at = (SELECT coalesce(now, strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) FROM catalog_state)
    WHERE id = NEW.id AND updated_at = OLD.updated_at;
    INSERT INTO changes (
        table_name, row_id, model_id, kind, before, after, actor, run_id, changed_at
    )
    SELECT 'benchmarks', NEW.id, NEW.model_id,
        CASE
            WHEN NEW.deleted_at IS NOT NULL AND OLD.deleted_at IS NULL THEN 'score_deleted'
            WHEN NEW.deleted_at IS NULL AND OLD.deleted_at IS NOT NULL THEN 'score_restored'
            ELSE 'score_changed'
        END,
        json_object(
            'id', OLD.id, 'model_id', OLD.model_id, 'benchmark_name', OLD.benchmark_name,
            'score', OLD.score, 'score_low', OLD.score_low, 'score_high', OLD.score_high,
            'unit', OLD.unit, 'higher_is_better', OLD.higher_is_better,
            'self_reported', OLD.self_reported, 'source_url', OLD.source_url,
            'measured_at', OLD.measured_at, 'created_at', OLD.created_at,
            'deleted_at', OLD.deleted_at
        ),
        json_object(
            'id', NEW.id, 'model_id', NEW.model_id, 'benchmark_name', NEW.benchmark_name,
            'score', NEW.score, 'score_low', NEW.score_low, 'score_high', NEW.score_high,
            'unit', NEW.unit, 'higher_is_better', NEW.higher_is_better,
            'self_reported', NEW.self_reported, 'source_url', NEW.source_url,
            'measured_at', NEW.measured_at, 'created_at', NEW.created_at,
            'deleted_at', NEW.deleted_at
        ),
        actor, run_id, coalesce(now, strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
    FROM catalog_state;
END;

CREATE TRIGGER benchmarks_deleted AFTER DELETE ON benchmarks BEGIN
    INSERT INTO changes (table_name, row_id, model_id, kind, before, actor, run_id, changed_at)
    SELECT 'benchmarks', OLD.id, OLD.model_id, 'score_deleted',
        json_object(
            'id', OLD.id, 'model_id', OLD.model_id, 'benchmark_name', OLD.benchmark_name,
            'score', OLD.score, 'score_low', OLD.score_low, 'score_high', OLD.score_high,
            'unit', OLD.unit, 'higher_is_better', OLD.higher_is_better,
            'self_reported', OLD.self_reported, 'source_url', OLD.source_url,
            'measured_at', OLD.measured_at, 'created_at', OLD.created_at,
            'deleted_at', OLD.deleted_at
        ),
        actor, run_id, coalesce(now, strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
    FROM catalog_state;
END;

CREATE TRIGGER listing_model_inserted AFTER INSERT ON models BEGIN
    INSERT INTO listing_refresh VALUES (NEW.id);
END;

CREATE TRIGGER listing_model_updated AFTER UPDATE ON models BEGIN
    INSERT INTO listing_refresh VALUES (NEW.id);
END;

CREATE TRIGGER listing_provider_updated AFTER UPDATE OF deleted_at ON providers
WHEN NEW.deleted_at IS NOT OLD.deleted_at BEGIN
    INSERT INTO listing_refresh SELECT id FROM models WHERE provider_id = NEW.id;
END;

CREATE TRIGGER listing_price_inserted AFTER INSERT ON pricing
WHEN NEW.service_tier = 'standard' AND NEW.context_threshold = 0 BEGIN
    INSERT INTO listing_refresh VALUES (NEW.model_id);
END;

CREATE TRIGGER listing_price_updated AFTER UPDATE ON pricing
WHEN NEW.service_tier = 'standard' AND NEW.context_threshold = 0 OR OLD.service_tier = 'standard' AND OLD.context_threshold = 0 BEGIN
    INSERT INTO listing_refresh VALUES (OLD.model_id);
    INSERT INTO listing_refresh SELECT NEW.model_id WHERE NEW.model_id <> OLD.model_id;
END;

CREATE TRIGGER listing_price_deleted AFTER DELETE ON pricing
WHEN OLD.service_tier = 'standard' AND OLD.context_threshold = 0 BEGIN
    INSERT INTO listing_refresh VALUES (OLD.model_id);
END;

CREATE TRIGGER price_day_moved AFTER UPDATE OF price_day ON catalog_state
WHEN NEW.price_day <> OLD.price_day BEGIN
    INSERT INTO changes (
        table_name, row_id, model_id, kind, before, after, actor, run_id, changed_at
    )
    SELECT 'pricing', p.id, p.model_id, 'price_effective',
        (
            SELECT json_object(
                'id', b.id, 'model_id', b.model_id,
                'input_price_per_million', b.input_price_per_million,
                'output_price_per_million', b.output_price_per_million,
                'cached_input_price', b.cached_input_price,
                'cache_write_price', b.cache_write_price, 'reasoning_price', b.reasoning_price,
                'input_audio_price', b.input_audio_price,
                'output_audio_price', b.output_audio_price, 'effective_date', b.effective_date,
                'service_tier', b.service_tier, 'context_threshold', b.context_threshold,
                'state', b.state, 'source_url', b.source_url, 'verified_at', b.verified_at,
                'created_at', b.created_at, 'deleted_at', b.deleted_at
            )
            FROM pricing AS b WHERE b.id = l.price_id
        ),
        json_object(
            'id', p.id, 'model_id', p.model_id,
            'input_price_per_million', p.input_price_per_million,
            'output_price_per_million', p.output_price_per_million,
            'cached_input_price', p.cached_input_price,
            'cache_write_price', p.cache_write_price, 'reasoning_price', p.reasoning_price,
            'input_audio_price', p.input_audio_price,
            'output_audio_price', p.output_audio_price, 'effective_date', p.effective_date,
            'service_tier', p.service_tier, 'context_threshold', p.context_threshold,
            'state', p.state, 'source_url', p.source_url, 'verified_at', p.verified_at,
            'created_at', p.created_at, 'deleted_at', p.deleted_at
        ),
        NEW.actor, NEW.run_id, coalesce(NEW.now, strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
    FROM listing AS l
    JOIN pricing AS p ON p.id = (SELECT price_id FROM listing_source WHERE model_id = l.model_id)
    WHERE l.next_price_date <= NEW.price_day
    ORDER BY p.id;
    INSERT INTO listing_refresh
    SELECT model_id FROM listing
    WHERE next_price_date <= NEW.price_day
        OR (NEW.price_day < OLD.price_day AND price_date > NEW.price_day);
END;

CREATE TRIGGER listing_prices_refreshed INSTEAD OF INSERT ON listing_prices_refresh BEGIN
    DELETE FROM listing_prices
    WHERE number = NEW.number
        AND starts IN (
            unixepoch(NEW.effective_date) / 86400,
            (
                SELECT coalesce(unixepoch(max(p.effective_date)) / 86400, -800000)
                FROM pricing AS p
                WHERE p.model_id = NEW.model_id AND p.service_tier = 'standard'
                    AND p.context_threshold = 0 AND p.effective_date < NEW.effective_date
                    AND p.deleted_at IS NULL
            )
        );
    INSERT INTO listing_prices (
        starts, ends, weeks, number, input_price, output_price, deprecated, bits, context_window,
        max_output, release_date
    )
    SELECT
        starts, ends, weeks, number, input_price, output_price, deprecated, bits, context_window,
        max_output, release_date
    FROM listing_prices_source
    WHERE number = NEW.number
        AND starts IN (
            unixepoch(NEW.effective_date) / 86400,
            (
                SELECT coalesce(unixepoch(max(p.effective_date)) / 86400, -800000)
                FROM pricing AS p
                WHERE p.model_id = NEW.model_id AND p.service_tier = 'standard'
                    AND p.context_threshold = 0 AND p.effective_date < NEW.effective_date
                    AND p.deleted_at IS NULL
            )
        );
END;

CREATE TRIGGER listing_prices_listed AFTER INSERT ON listing BEGIN
    INSERT INTO listing_prices (
        starts, ends, weeks, number, input_price, output_price, deprecated, bits, context_window,
        max_output, release_date
    )
    SELECT
        starts, ends, weeks, number, input_price, output_price, deprecated, bits, context_window,
        max_output, release_date
    FROM listing_prices_source WHERE number = NEW.number;
END;

CREATE TRIGGER listing_prices_relisted
AFTER UPDATE OF deprecated, bits, context_window, max_output, release_date ON listing
WHEN (NEW.deprecated, NEW.bits, NEW.context_window, NEW.max_output, NEW.release_date)
    IS NOT (OLD.deprecated, OLD.bits, OLD.context_window, OLD.max_output, OLD.release_date) BEGIN
    UPDATE listing_prices
    SET deprecated = NEW.deprecated, bits = NEW.bits, context_window = NEW.context_window,
        max_output = NEW.max_output, release_date = NEW.release_date
    WHERE number = NEW.number;
END;

CREATE TRIGGER listing_prices_inserted AFTER INSERT ON pricing
WHEN NEW.service_tier = 'standard' AND NEW.context_threshold = 0 BEGIN
    INSERT INTO listing_prices_refresh
    SELECT l.number, l.model_id, NEW.effective_date FROM listing AS l
    WHERE l.model_id = NEW.model_id;
END;

CREATE TRIGGER listing_prices_updated AFTER UPDATE OF
    model_id, input_price_per_million, output_price_per_million, effective_date, service_tier,
    context_threshold, deleted_at
ON pricing
WHEN (
    NEW.service_tier = 'standard' AND NEW.context_threshold = 0
    OR OLD.service_tier = 'standard' AND OLD.context_threshold = 0
) AND (
    NEW.model_id, NEW.input_price_per_million, NEW.output_price_per_million, NEW.effective_date,
    NEW.service_tier, NEW.context_threshold, NEW.deleted_at
) IS NOT (
    OLD.model_id, OLD.input_price_per_million, OLD.output_price_per_million, OLD.effective_date,
    OLD.service_tier, OLD.context_threshold, OLD.deleted_at
) BEGIN
    INSERT INTO listing_prices_refresh
    SELECT l.number, l.model_id, OLD.effective_date FROM listing AS l
    WHERE l.model_id = OLD.model_id;
    INSERT INTO listing_prices_refresh
    SELECT l.number, l.model_id, NEW.effective_date FROM listing AS l
    WHERE l.model_id = NEW.model_id
        AND (NEW.model_id, NEW.effective_date) <> (OLD.model_id, OLD.effective_date);
END;

CREATE TRIGGER listing_prices_deleted AFTER DELETE ON pricing
WHEN OLD.service_tier = 'standard' AND OLD.context_threshold = 0 BEGIN
    INSERT INTO listing_prices_refresh
    SELECT l.number, l.model_id, OLD.effective_date FROM listing AS l
    WHERE l.model_id = OLD.model_id;
END;

CREATE TRIGGER listing_search_inserted AFTER INSERT ON listing BEGIN
    INSERT INTO listing_search (rowid, search_text)
    VALUES (NEW.number, NEW.search_text || substr(char(10, 10, 10), 1, 2 + NEW.deprecated));
END;

CREATE TRIGGER listing_search_updated AFTER UPDATE OF search_text, deprecated ON listing
WHEN (NEW.search_text, NEW.deprecated) <> (OLD.search_text, OLD.deprecated) BEGIN
    INSERT INTO listing_search (listing_search, rowid, search_text)
    VALUES (
        'delete', OLD.number, OLD.search_text || substr(char(10, 10, 10), 1, 2 + OLD.deprecated)
    );
    INSERT INTO listing_search (rowid, search_text)
    VALUES (NEW.number, NEW.search_text || substr(char(10, 10, 10), 1, 2 + NEW.deprecated));
END;

CREATE TRIGGER listing_search_deleted AFTER DELETE ON listing BEGIN
    INSERT INTO listing_search (listing_search, rowid, search_text)
    VALUES (
        'delete', OLD.number, OLD.search_text || substr(char(10, 10, 10), 1, 2 + OLD.deprecated)
    );
END;
