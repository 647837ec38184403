-- migrate:up additive:true

-- Each backup that this service began, whatever came of it.
CREATE TABLE backups (
    name text COLLATE "C" NOT NULL PRIMARY KEY,
    started_at text COLLATE "C" NOT NULL,
    finished_at text COLLATE "C",
    -- Bytes, and the SHA-256 of them.
    size bigint,
    sha256 text COLLATE "C",
    revision bigint,
    -- When a database was made of it and found equal.
    verified_at text COLLATE "C",
    error text COLLATE "C"
);

-- One row: the process that makes backups, and until when it may.
CREATE TABLE backup_runner (
    id bigint NOT NULL PRIMARY KEY CHECK (id = 1),
    holder text COLLATE "C" NOT NULL,
    held_until text COLLATE "C" NOT NULL
);
INSERT INTO backup_runner VALUES (1, '', '');

CREATE INDEX backups_verified ON backups (verified_at);

-- migrate:down

DROP TABLE backup_runner;
DROP TABLE backups;
