-- migrate:up

-- One representation on every engine: dates and timestamps are ISO 8601 text in UTC, flags are 0 and
-- 1, prices and scores are integers of billionths (0.01875 USD is 18750000): exact, and they sort.

CREATE EXTENSION IF NOT EXISTS pg_trgm;

CREATE DOMAIN flag AS smallint CHECK (VALUE IN (0, 1));
CREATE DOMAIN day AS text COLLATE "C" CHECK (
    VALUE ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}$' AND VALUE = to_char(VALUE::date, 'YYYY-MM-DD')
);
CREATE DOMAIN month_or_day AS text COLLATE "C" CHECK (
    VALUE IN (
        to_char(rpad(VALUE, 10, '-01')::date, 'YYYY-MM-DD'),
        to_char(rpad(VALUE, 10, '-01')::date, 'YYYY-MM')
    )
);

CREATE FUNCTION utc_now() RETURNS text LANGUAGE sql STABLE
RETURN to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"');
CREATE FUNCTION utc_today() RETURNS text LANGUAGE sql STABLE
RETURN to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD');

CREATE TABLE providers (
    id text COLLATE "C" NOT NULL PRIMARY KEY CHECK (id <> '' AND strpos(id, '/') = 0),
    name text COLLATE "C" NOT NULL CHECK (name <> ''),
    website text COLLATE "C",
    api_docs_url text COLLATE "C",
    -- The casefolded name where lower() on SQLite, which knows ASCII alone, would differ.
    name_folded text COLLATE "C",
    created_at text COLLATE "C" NOT NULL DEFAULT utc_now(),
    updated_at text COLLATE "C" NOT NULL DEFAULT utc_now(),
    deleted_at text COLLATE "C"
);

CREATE TABLE models (
    id text COLLATE "C" NOT NULL PRIMARY KEY CHECK (id = provider_id || '/' || model_id),
    provider_id text COLLATE "C" NOT NULL REFERENCES providers (id) ON DELETE CASCADE,
    name text COLLATE "C" NOT NULL CHECK (name <> ''),
    -- The identifier that the provider's API takes.
    model_id text COLLATE "C" NOT NULL CHECK (model_id <> ''),
    family text COLLATE "C",
    mode text COLLATE "C" NOT NULL DEFAULT 'chat',
    -- Tokens.
    context_window bigint CHECK (context_window > 0),
    max_output bigint CHECK (max_output > 0),
    -- Sorted, with commas: 'image,text'.
    input_modalities text COLLATE "C" NOT NULL DEFAULT '',
    output_modalities text COLLATE "C" NOT NULL DEFAULT '',
    supports_vision flag,
    supports_tools flag,
    supports_function_calling flag,
    supports_streaming flag,
    supports_reasoning flag,
    supports_structured_output flag,
    supports_prompt_caching flag,
    open_weights flag,
    license text COLLATE "C",
    -- YYYY-MM-DD, or YYYY-MM where only the month is known.
    knowledge_cutoff month_or_day,
    release_date day,
    deprecated flag NOT NULL DEFAULT 0,
    deprecation_date day,
    -- The same model at its maker: an id, shared by all hosts, whether it is listed here or not.
    canonical text COLLATE "C",
    source_url text COLLATE "C",
    name_folded text COLLATE "C",
    created_at text COLLATE "C" NOT NULL DEFAULT utc_now(),
    updated_at text COLLATE "C" NOT NULL DEFAULT utc_now(),
    deleted_at text COLLATE "C",
    UNIQUE (provider_id, model_id)
);

-- Dollars per million tokens, from a day on. NULL is unknown, 0 is free.
CREATE TABLE pricing (
    id bigint NOT NULL PRIMARY KEY,
    model_id text COLLATE "C" NOT NULL REFERENCES models (id) ON DELETE CASCADE,
    input_price_per_million bigint CHECK (input_price_per_million >= 0),
    output_price_per_million bigint CHECK (output_price_per_million >= 0),
    cached_input_price bigint CHECK (cached_input_price >= 0),
    cache_write_price bigint CHECK (cache_write_price >= 0),
    reasoning_price bigint CHECK (reasoning_price >= 0),
    input_audio_price bigint CHECK (input_audio_price >= 0),
    output_audio_price bigint CHECK (output_audio_price >= 0),
    effective_date day NOT NULL,
    service_tier text COLLATE "C" NOT NULL DEFAULT 'standard'
        CHECK (service_tier IN ('standard', 'batch', 'flex', 'priority')),
    -- Tokens of context from which the row applies.
    context_threshold bigint NOT NULL DEFAULT 0 CHECK (context_threshold >= 0),
    state text COLLATE "C" NOT NULL DEFAULT 'paid'
        CHECK (state IN ('paid', 'free', 'unknown', 'subscription')),
    source_url text COLLATE "C",
    verified_at text COLLATE "C",
    created_at text COLLATE "C" NOT NULL DEFAULT utc_now(),
    updated_at text COLLATE "C" NOT NULL DEFAULT utc_now(),
    deleted_at text COLLATE "C",
    CHECK (state <> 'free' OR coalesce(input_price_per_million, 0) + coalesce(output_price_per_million, 0) = 0),
    CHECK (state <> 'unknown' OR coalesce(input_price_per_million, output_price_per_million) IS NULL),
    UNIQUE (model_id, service_tier, context_threshold, effective_date)
);

CREATE TABLE benchmarks (
    id bigint NOT NULL PRIMARY KEY,
    model_id text COLLATE "C" NOT NULL REFERENCES models (id) ON DELETE CASCADE,
    benchmark_name text COLLATE "C" NOT NULL CHECK (benchmark_name <> ''),
    score bigint NOT NULL,
    score_low bigint CHECK (score_low <= score),
    score_high bigint CHECK (score_high >= score),
    -- The scale of the score: elo, fraction, percent.
    unit text COLLATE "C",
    higher_is_better flag NOT NULL DEFAULT 1,
    self_reported flag,
    source_url text COLLATE "C",
    measured_at day,
    created_at text COLLATE "C" NOT NULL DEFAULT utc_now(),
    updated_at text COLLATE "C" NOT NULL DEFAULT utc_now(),
    deleted_at text COLLATE "C",
    UNIQUE (model_id, benchmark_name)
);

CREATE TABLE pipeline_runs (
    id text COLLATE "C" NOT NULL PRIMARY KEY,
    status text COLLATE "C" NOT NULL DEFAULT 'running' CHECK (status IN ('running', 'success', 'failed')),
    source text COLLATE "C",
    actor text COLLATE "C" NOT NULL DEFAULT 'sql',
    started_at text COLLATE "C" NOT NULL DEFAULT utc_now(),
    completed_at text COLLATE "C" CHECK (completed_at >= started_at),
    models_updated bigint NOT NULL DEFAULT 0 CHECK (models_updated >= 0),
    -- JSON: rows per table that were created, updated, unchanged, locked.
    counts text COLLATE "C" NOT NULL DEFAULT '{}' CHECK (counts::jsonb IS NOT NULL),
    errors text COLLATE "C" NOT NULL DEFAULT '[]' CHECK (errors::jsonb IS NOT NULL),
    created_at text COLLATE "C" NOT NULL DEFAULT utc_now(),
    CHECK ((status = 'running') = (completed_at IS NULL))
);

-- One row. A write names its actor, run and moment here first, for the triggers to read; between
-- writes it says 'sql', so that an edit by hand is told apart. price_day is the day whose prices are
-- the current ones.
CREATE TABLE catalog_state (
    id bigint NOT NULL PRIMARY KEY CHECK (id = 1),
    actor text COLLATE "C" NOT NULL DEFAULT 'sql',
    run_id text COLLATE "C",
    now text COLLATE "C",
    price_day day NOT NULL
);
INSERT INTO catalog_state (id, price_day) VALUES (1, utc_today());

-- The change log. Its key is the revision: one number per changed row, in the order of commits.
CREATE TABLE changes (
    revision bigint NOT NULL PRIMARY KEY,
    table_name text COLLATE "C" NOT NULL,
    row_id text COLLATE "C" NOT NULL,
    model_id text COLLATE "C",
    kind text COLLATE "C" NOT NULL,
    -- JSON of the row's columns. A new price has the price that it follows as `before`.
    before text COLLATE "C",
    after text COLLATE "C",
    actor text COLLATE "C" NOT NULL,
    run_id text COLLATE "C",
    changed_at text COLLATE "C" NOT NULL
);

-- What lists filter, sort and search by, one narrow row for each model that is offered. Derived: the
-- view listing_source defines it, triggers keep it, `aicompare doctor` compares and rebuilds it.
CREATE TABLE listing (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    model_id text COLLATE "C" NOT NULL UNIQUE REFERENCES models (id) ON DELETE CASCADE,
    provider_id text COLLATE "C" NOT NULL,
    name_folded text COLLATE "C" NOT NULL,
    -- The folded name and the id in lower case, a newline before each.
    search_text text COLLATE "C" NOT NULL,
    family text COLLATE "C",
    mode text COLLATE "C" NOT NULL,
    canonical text COLLATE "C",
    -- Capabilities and modalities, a bit each: see service/domain/models.py.
    bits bigint NOT NULL,
    deprecated flag NOT NULL,
    context_window bigint,
    max_output bigint,
    release_date day,
    updated_at text COLLATE "C" NOT NULL,
    -- The current price: base row of the standard tier with the latest day up to price_day.
    price_id bigint,
    price_date day,
    next_price_date day,
    input_price bigint,
    output_price bigint
);

-- How many models of the listing are alike in what most lists filter by and in what facets count, so
-- that a total needs no scan. Derived: the view listing_counts_source defines it, triggers keep it.
CREATE TABLE listing_counts (
    bits bigint NOT NULL,
    mode text COLLATE "C" NOT NULL,
    -- Empty where it is unknown: a key is never null.
    family text COLLATE "C" NOT NULL,
    deprecated flag NOT NULL,
    models bigint NOT NULL,
    PRIMARY KEY (bits, mode, family, deprecated)
);

CREATE INDEX models_provider ON models (provider_id, deprecated);
CREATE INDEX models_deprecated ON models (deprecated);
CREATE INDEX models_canonical ON models (canonical);
CREATE INDEX pricing_model_date ON pricing (model_id, effective_date DESC);
CREATE INDEX pricing_date ON pricing (effective_date DESC);
CREATE INDEX benchmarks_name_score ON benchmarks (benchmark_name, score DESC);
CREATE INDEX pipeline_runs_started ON pipeline_runs (started_at DESC);
CREATE INDEX changes_row ON changes (table_name, row_id, revision);
CREATE INDEX changes_model ON changes (model_id, revision);
CREATE INDEX changes_kind ON changes (kind, revision);
CREATE INDEX listing_canonical ON listing (canonical);
CREATE INDEX listing_next_price ON listing (next_price_date) WHERE next_price_date IS NOT NULL;
-- An index for each order of the list, in the direction that it is mostly asked for.
CREATE INDEX listing_name ON listing (name_folded, model_id);
CREATE INDEX listing_provider ON listing (provider_id, model_id);
CREATE INDEX listing_released ON listing (release_date DESC NULLS LAST, model_id);
CREATE INDEX listing_context ON listing (context_window DESC NULLS LAST, model_id);
CREATE INDEX listing_output ON listing (max_output DESC NULLS LAST, model_id);
CREATE INDEX listing_input_price ON listing (input_price, model_id);
CREATE INDEX listing_output_price ON listing (output_price, model_id);
CREATE INDEX listing_updated ON listing (updated_at DESC NULLS LAST, model_id);
-- Everything that is filtered or counted by, for totals and facets over the whole listing.
CREATE INDEX listing_kinds ON listing (
    bits, mode, family, deprecated, context_window, max_output, input_price, output_price,
    release_date
);

CREATE INDEX listing_search ON listing USING gin (search_text gin_trgm_ops);

CREATE VIEW listing_source AS
SELECT
    m.id AS model_id,
    m.provider_id,
    coalesce(m.name_folded, lower(m.name)) COLLATE "C" AS name_folded,
    chr(10) || coalesce(m.name_folded, lower(m.name)) || chr(10) || lower(m.id) AS search_text,
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
        + (strpos(m.input_modalities, 'text') > 0)::int * 512
        + (strpos(m.input_modalities, 'image') > 0)::int * 1024
        + (strpos(m.input_modalities, 'audio') > 0)::int * 2048
        + (strpos(m.input_modalities, 'video') > 0)::int * 4096
        + (strpos(m.input_modalities, 'pdf') > 0)::int * 8192
        + (strpos(m.output_modalities, 'text') > 0)::int * 16384
        + (strpos(m.output_modalities, 'image') > 0)::int * 32768
        + (strpos(m.output_modalities, 'audio') > 0)::int * 65536
        + (strpos(m.output_modalities, 'video') > 0)::int * 131072
        + (strpos(m.output_modalities, 'pdf') > 0)::int * 262144 AS bits,
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

-- Brings one model's row of the listing up to date.
CREATE FUNCTION refresh_listing(changed text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM listing
    WHERE model_id = changed
        AND NOT EXISTS (SELECT 1 FROM listing_source AS s WHERE s.model_id = changed);
    INSERT INTO listing (
        model_id, provider_id, name_folded, search_text, family, mode, canonical, bits,
        deprecated, context_window, max_output, release_date, updated_at, price_id, price_date,
        next_price_date, input_price, output_price
    )
    SELECT
        model_id, provider_id, name_folded, search_text, family, mode, canonical, bits,
        deprecated, context_window, max_output, release_date, updated_at, price_id, price_date,
        next_price_date, input_price, output_price
    FROM listing_source WHERE model_id = changed
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
    ) IS DISTINCT FROM (
        listing.provider_id, listing.name_folded, listing.search_text, listing.family,
        listing.mode, listing.canonical, listing.bits, listing.deprecated,
        listing.context_window, listing.max_output, listing.release_date, listing.updated_at,
        listing.price_id, listing.price_date, listing.next_price_date, listing.input_price,
        listing.output_price
    );
END $$;

CREATE FUNCTION count_listing() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND (NEW.bits, NEW.mode, NEW.family, NEW.deprecated)
        IS NOT DISTINCT FROM (OLD.bits, OLD.mode, OLD.family, OLD.deprecated) THEN
        RETURN NULL;
    END IF;
    IF TG_OP <> 'INSERT' THEN
        UPDATE listing_counts SET models = models - 1
        WHERE (bits, mode, family, deprecated)
            = (OLD.bits, OLD.mode, coalesce(OLD.family, ''), OLD.deprecated);
        DELETE FROM listing_counts
        WHERE (bits, mode, family, deprecated)
            = (OLD.bits, OLD.mode, coalesce(OLD.family, ''), OLD.deprecated) AND models = 0;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO listing_counts AS c
        VALUES (NEW.bits, NEW.mode, coalesce(NEW.family, ''), NEW.deprecated, 1)
        ON CONFLICT (bits, mode, family, deprecated) DO UPDATE SET models = c.models + 1;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER counted AFTER INSERT OR UPDATE OR DELETE ON listing
FOR EACH ROW EXECUTE FUNCTION count_listing();

-- Keys without a sequence: it would leave gaps after a rollback, and engines would differ.
CREATE FUNCTION number_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.id IS NULL THEN
        PERFORM pg_advisory_xact_lock(20261122);
        EXECUTE format('SELECT coalesce(max(id), 0) + 1 FROM %I', TG_TABLE_NAME) INTO NEW.id;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER pricing_numbered BEFORE INSERT ON pricing
FOR EACH ROW EXECUTE FUNCTION number_row();
CREATE TRIGGER benchmarks_numbered BEFORE INSERT ON benchmarks
FOR EACH ROW EXECUTE FUNCTION number_row();

CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    hidden text[] := ARRAY['updated_at', 'name_folded'];
BEGIN
    IF NEW.updated_at = OLD.updated_at AND to_jsonb(NEW) - hidden <> to_jsonb(OLD) - hidden THEN
        NEW.updated_at := (SELECT coalesce(now, utc_now()) FROM catalog_state);
    END IF;
    RETURN NEW;
END $$;

-- Every insert, update and delete leaves one row in the change log. The lock makes writers take
-- turns from their first change to their commit: so revisions grow in the order of commits, without
-- gaps. A new price follows the one before it in its series; an update of a stored one is a
-- correction.
CREATE FUNCTION log_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    hidden text[] := ARRAY['updated_at', 'name_folded'];
    noun text := TG_ARGV[0];
    old_row jsonb := CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) - hidden END;
    new_row jsonb := CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) - hidden END;
    any_row jsonb := coalesce(new_row, old_row);
    verb text;
BEGIN
    IF new_row = old_row THEN
        RETURN NULL;
    END IF;
    PERFORM pg_advisory_xact_lock(20261122);
    IF TG_OP = 'INSERT' THEN
        verb := 'added';
        IF TG_TABLE_NAME = 'pricing' THEN
            SELECT to_jsonb(p) - hidden INTO old_row FROM pricing AS p
            WHERE p.model_id = NEW.model_id AND p.service_tier = NEW.service_tier
                AND p.context_threshold = NEW.context_threshold
                AND p.effective_date < NEW.effective_date AND p.deleted_at IS NULL
            ORDER BY p.effective_date DESC LIMIT 1;
            IF FOUND THEN
                verb := 'changed';
            END IF;
        END IF;
    ELSIF TG_OP = 'DELETE' THEN
        verb := 'deleted';
    ELSIF NEW.deleted_at IS NOT NULL AND OLD.deleted_at IS NULL THEN
        verb := 'deleted';
    ELSIF NEW.deleted_at IS NULL AND OLD.deleted_at IS NOT NULL THEN
        verb := 'restored';
    ELSIF (new_row ->> 'deprecated')::int > (old_row ->> 'deprecated')::int THEN
        verb := 'deprecated';
    ELSE
        verb := CASE TG_TABLE_NAME WHEN 'pricing' THEN 'corrected' ELSE 'changed' END;
    END IF;
    INSERT INTO changes
    SELECT coalesce((SELECT max(revision) FROM changes), 0) + 1,
        TG_TABLE_NAME, any_row ->> 'id',
        CASE TG_TABLE_NAME
            WHEN 'providers' THEN NULL
            WHEN 'models' THEN any_row ->> 'id'
            ELSE any_row ->> 'model_id'
        END,
        noun || '_' || verb, old_row::text, new_row::text,
        s.actor, s.run_id, coalesce(s.now, utc_now())
    FROM catalog_state AS s;
    RETURN NULL;
END $$;

CREATE TRIGGER providers_logged AFTER INSERT OR UPDATE OR DELETE ON providers
FOR EACH ROW EXECUTE FUNCTION log_change('provider');
CREATE TRIGGER providers_touched BEFORE UPDATE ON providers
FOR EACH ROW EXECUTE FUNCTION touch();

CREATE TRIGGER models_logged AFTER INSERT OR UPDATE OR DELETE ON models
FOR EACH ROW EXECUTE FUNCTION log_change('model');
CREATE TRIGGER models_touched BEFORE UPDATE ON models
FOR EACH ROW EXECUTE FUNCTION touch();

CREATE TRIGGER pricing_logged AFTER INSERT OR UPDATE OR DELETE ON pricing
FOR EACH ROW EXECUTE FUNCTION log_change('price');
CREATE TRIGGER pricing_touched BEFORE UPDATE ON pricing
FOR EACH ROW EXECUTE FUNCTION touch();

CREATE TRIGGER benchmarks_logged AFTER INSERT OR UPDATE OR DELETE ON benchmarks
FOR EACH ROW EXECUTE FUNCTION log_change('score');
CREATE TRIGGER benchmarks_touched BEFORE UPDATE ON benchmarks
FOR EACH ROW EXECUTE FUNCTION touch();

-- The listing follows: whoever changes a model, a provider or a price, it is right afterwards. The
-- names sort behind those of the log, since triggers fire in the order of their names.
CREATE FUNCTION listing_follows_model() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM refresh_listing(NEW.id);
    RETURN NULL;
END $$;
CREATE TRIGGER refreshed AFTER INSERT OR UPDATE ON models
FOR EACH ROW EXECUTE FUNCTION listing_follows_model();

CREATE FUNCTION listing_follows_provider() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM refresh_listing(id) FROM models WHERE provider_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER refreshed AFTER UPDATE ON providers
FOR EACH ROW WHEN (NEW.deleted_at IS DISTINCT FROM OLD.deleted_at)
EXECUTE FUNCTION listing_follows_provider();

CREATE FUNCTION listing_follows_price() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' AND OLD.service_tier = 'standard' AND OLD.context_threshold = 0 THEN
        PERFORM refresh_listing(OLD.model_id);
    END IF;
    IF TG_OP <> 'DELETE' AND NEW.service_tier = 'standard' AND NEW.context_threshold = 0 THEN
        PERFORM refresh_listing(NEW.model_id);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER refreshed AFTER INSERT OR UPDATE OR DELETE ON pricing
FOR EACH ROW EXECUTE FUNCTION listing_follows_price();

-- A new day: prices that were dated ahead come into force, and the log says so.
CREATE FUNCTION price_day_moved() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    hidden text[] := ARRAY['updated_at', 'name_folded'];
BEGIN
    PERFORM pg_advisory_xact_lock(20261122);
    INSERT INTO changes
    SELECT coalesce((SELECT max(revision) FROM changes), 0) + row_number() OVER (ORDER BY p.id),
        'pricing', p.id, p.model_id, 'price_effective',
        (SELECT to_jsonb(b) - hidden FROM pricing AS b WHERE b.id = l.price_id)::text,
        (to_jsonb(p) - hidden)::text,
        NEW.actor, NEW.run_id, coalesce(NEW.now, utc_now())
    FROM listing AS l
    JOIN pricing AS p ON p.id = (SELECT price_id FROM listing_source WHERE model_id = l.model_id)
    WHERE l.next_price_date <= NEW.price_day;
    PERFORM refresh_listing(model_id) FROM listing
    WHERE next_price_date <= NEW.price_day
        OR (NEW.price_day < OLD.price_day AND price_date > NEW.price_day);
    RETURN NULL;
END $$;
CREATE TRIGGER price_day_moved AFTER UPDATE OF price_day ON catalog_state
FOR EACH ROW WHEN (NEW.price_day <> OLD.price_day) EXECUTE FUNCTION price_day_moved();

-- migrate:down

DROP VIEW listing_counts_source, listing_source;
DROP TABLE listing, listing_counts, changes, pipeline_runs, benchmarks, pricing, models, providers, catalog_state;
DROP FUNCTION listing_follows_model, listing_follows_provider, listing_follows_price,
    log_change, price_day_moved, refresh_listing, count_listing, number_row, touch, utc_now, utc_today;
DROP DOMAIN flag, day, month_or_day;
DROP EXTENSION pg_trgm;
