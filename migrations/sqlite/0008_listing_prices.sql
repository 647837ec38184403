-- migrate:up additive:true

-- What each model of the listing cost from which day on until which: periods of its base price of
-- the standard tier, without gaps, beside what lists filter by. Derived: the view
-- listing_prices_source defines it, triggers keep it, `aicompare doctor` compares and rebuilds it.
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

INSERT INTO listing_prices (
    starts, ends, weeks, number, input_price, output_price, deprecated, bits, context_window,
    max_output, release_date
)
SELECT
    starts, ends, weeks, number, input_price, output_price, deprecated, bits, context_window,
    max_output, release_date
FROM listing_prices_source ORDER BY weeks, starts, number;

-- The price of a model on a day, and all of its periods.
CREATE INDEX listing_prices_number ON listing_prices (number, starts, input_price, output_price);
-- The order of prices on a day: a walk along those of all days, past those of another one.
CREATE INDEX listing_prices_input_price ON listing_prices (input_price, ends, output_price)
WHERE input_price IS NOT NULL;
CREATE INDEX listing_prices_output_price ON listing_prices (output_price, ends, input_price)
WHERE output_price IS NOT NULL;

-- Inserting a listed model with a day brings the two periods that meet on it up to date. By number,
-- since SQLite 3.45, which libSQL is, takes no subquery along into a view, and reads all of it then.
CREATE VIEW listing_prices_refresh AS
SELECT l.number, l.model_id, '1970-01-01' AS effective_date FROM listing AS l;

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

-- migrate:down

DROP TRIGGER listing_prices_deleted;
DROP TRIGGER listing_prices_updated;
DROP TRIGGER listing_prices_inserted;
DROP TRIGGER listing_prices_relisted;
DROP TRIGGER listing_prices_listed;
DROP VIEW listing_prices_refresh;
DROP VIEW listing_prices_source;
DROP TABLE listing_prices;
