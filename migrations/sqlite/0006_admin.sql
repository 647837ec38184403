-- migrate:up additive:true

-- Browsers in which an admin has signed in. The id is the hash of what the cookie holds.
CREATE TABLE sessions (
    id TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 64),
    -- Null for the token of the environment, which the hash was made with then.
    token_id TEXT REFERENCES tokens (id) ON DELETE CASCADE,
    created_at TEXT NOT NULL,
    expires_at TEXT NOT NULL
);

-- How long the attempts to sign in so far keep addresses and tokens busy, in milliseconds since
-- 1970. Both are sorted into buckets by their hash, so that the table has an end.
CREATE TABLE sign_in_attempts (
    bucket TEXT NOT NULL PRIMARY KEY,
    busy_until INTEGER NOT NULL
);

CREATE INDEX sessions_expires ON sessions (expires_at);

-- Deleted rows are few, and looked for among many.
CREATE INDEX providers_deleted ON providers (id) WHERE deleted_at IS NOT NULL;
CREATE INDEX models_deleted ON models (id) WHERE deleted_at IS NOT NULL;
CREATE INDEX pricing_deleted ON pricing (id) WHERE deleted_at IS NOT NULL;
CREATE INDEX benchmarks_deleted ON benchmarks (id) WHERE deleted_at IS NOT NULL;

-- migrate:down

DROP INDEX benchmarks_deleted;
DROP INDEX pricing_deleted;
DROP INDEX models_deleted;
DROP INDEX providers_deleted;
DROP TABLE sign_in_attempts;
DROP TABLE sessions;
