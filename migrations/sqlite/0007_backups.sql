-- migrate:up additive:true

-- Each backup that this service began, whatever came of it.
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

-- One row: the process that makes backups, and until when it may.
CREATE TABLE backup_runner (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    holder TEXT NOT NULL,
    held_until TEXT NOT NULL
);
INSERT INTO backup_runner VALUES (1, '', '');

CREATE INDEX backups_verified ON backups (verified_at);

-- The same index without single quotes, which a libSQL server does not double in its dump: with them
-- no dump loads.
DROP TABLE listing_search;
CREATE VIRTUAL TABLE listing_search USING fts5 (
    search_text, content = "listing", content_rowid = "number",
    tokenize = "trigram case_sensitive 1"
);
INSERT INTO listing_search (listing_search) VALUES ('rebuild');

-- migrate:down

DROP TABLE listing_search;
CREATE VIRTUAL TABLE listing_search USING fts5 (
    search_text, content = 'listing', content_rowid = 'number', tokenize = "trigram case_sensitive 1"
);
INSERT INTO listing_search (listing_search) VALUES ('rebuild');
DROP TABLE backup_runner;
DROP TABLE backups;
