-- migrate:up additive:true

-- What is indexed of each model's text. Two newlines end it, so that the index knows the end of an id
-- and two characters anywhere have a third behind them; a third newline marks a deprecated model, so
-- that matches of a word are counted without a look at the listing.
CREATE VIEW listing_words AS
SELECT number, search_text || substr(char(10, 10, 10), 1, 2 + deprecated) AS search_text
FROM listing;

DROP TRIGGER listing_search_inserted;
DROP TRIGGER listing_search_updated;
DROP TRIGGER listing_search_deleted;
DROP TABLE listing_search;
-- No single quotes: a libSQL server does not double them in its dump.
CREATE VIRTUAL TABLE listing_search USING fts5 (
    search_text, content = "listing_words", content_rowid = "number",
    tokenize = "trigram case_sensitive 1"
);
INSERT INTO listing_search (listing_search) VALUES ('rebuild');

-- All trigrams there are: two characters are looked for by those that begin with them.
CREATE VIRTUAL TABLE listing_terms USING fts5vocab (listing_search, row);

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

-- The order of a search among equal ranks: models at their maker first, then those that are not
-- deprecated, then short names. With the text that tells the rank.
CREATE INDEX listing_ranked ON listing (
    (CASE WHEN canonical = model_id THEN 0 ELSE 1 END), deprecated, (length(name_folded)),
    name_folded, model_id, search_text
);

-- A single character is in no index of words: texts are looked through, in an order to count along.
DROP INDEX listing_text;
CREATE INDEX listing_text ON listing (
    bits, mode, family, deprecated, context_window, max_output, input_price, output_price,
    release_date, search_text
);

-- migrate:down

DROP INDEX listing_text;
CREATE INDEX listing_text ON listing (
    search_text, deprecated, bits, context_window, max_output, input_price, output_price,
    release_date
);
DROP INDEX listing_ranked;
DROP TRIGGER listing_search_inserted;
DROP TRIGGER listing_search_updated;
DROP TRIGGER listing_search_deleted;
DROP TABLE listing_terms;
DROP TABLE listing_search;
DROP VIEW listing_words;
CREATE VIRTUAL TABLE listing_search USING fts5 (
    search_text, content = "listing", content_rowid = "number",
    tokenize = "trigram case_sensitive 1"
);
INSERT INTO listing_search (listing_search) VALUES ('rebuild');

CREATE TRIGGER listing_search_inserted AFTER INSERT ON listing BEGIN
    INSERT INTO listing_search (rowid, search_text) VALUES (NEW.number, NEW.search_text);
END;

CREATE TRIGGER listing_search_updated AFTER UPDATE OF search_text ON listing
WHEN NEW.search_text <> OLD.search_text BEGIN
    INSERT INTO listing_search (listing_search, rowid, search_text)
    VALUES ('delete', OLD.number, OLD.search_text);
    INSERT INTO listing_search (rowid, search_text) VALUES (NEW.number, NEW.search_text);
END;

CREATE TRIGGER listing_search_deleted AFTER DELETE ON listing BEGIN
    INSERT INTO listing_search (listing_search, rowid, search_text)
    VALUES ('delete', OLD.number, OLD.search_text);
END;
