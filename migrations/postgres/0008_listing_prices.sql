-- migrate:up additive:true

-- What each model of the listing cost from which day on until which: periods of its base price of
-- the standard tier, without gaps, beside what lists filter by. Derived: the view
-- listing_prices_source defines it, triggers keep it, `aicompare doctor` compares and rebuilds it.
CREATE TABLE listing_prices (
    -- Days since 1970: the first of the period, and the first after it. Before the first price is a
    -- period from -800000 on, in which it is unknown; what has no end ends at 3000000.
    starts bigint NOT NULL,
    ends bigint NOT NULL,
    -- The length, rounded up to whole weeks; 1000000 where there is no end. The periods of one length
    -- that hold a day are those which began up to that length before: one piece of the key.
    weeks bigint NOT NULL,
    number bigint NOT NULL REFERENCES listing (number) ON DELETE CASCADE,
    input_price bigint,
    output_price bigint,
    deprecated flag NOT NULL,
    bits bigint NOT NULL,
    context_window bigint,
    max_output bigint,
    release_date day,
    PRIMARY KEY (weeks, starts, number)
);

CREATE VIEW listing_prices_source AS
SELECT
    starts, ends, CASE ends WHEN 3000000 THEN 1000000 ELSE (ends - starts + 6) / 7 END AS weeks,
    number, input_price, output_price, deprecated, bits, context_window, max_output, release_date
FROM (
    SELECT
        p.effective_date::date - DATE '1970-01-01' AS starts,
        coalesce(
            (
                SELECT min(n.effective_date)::date - DATE '1970-01-01' FROM pricing AS n
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
                SELECT min(n.effective_date)::date - DATE '1970-01-01' FROM pricing AS n
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

-- Brings the two periods of a model that meet on a day up to date.
CREATE FUNCTION refresh_listing_prices(changed text, effective text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    listed bigint;
    met bigint[];
BEGIN
    SELECT number INTO listed FROM listing WHERE model_id = changed;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    SELECT ARRAY[
        effective::date - DATE '1970-01-01',
        coalesce(max(effective_date)::date - DATE '1970-01-01', -800000)
    ] INTO met
    FROM pricing
    WHERE model_id = changed AND service_tier = 'standard' AND context_threshold = 0
        AND effective_date < effective AND deleted_at IS NULL;
    DELETE FROM listing_prices WHERE number = listed AND starts = ANY (met);
    INSERT INTO listing_prices (
        starts, ends, weeks, number, input_price, output_price, deprecated, bits, context_window,
        max_output, release_date
    )
    SELECT
        starts, ends, weeks, number, input_price, output_price, deprecated, bits, context_window,
        max_output, release_date
    FROM listing_prices_source WHERE number = listed AND starts = ANY (met);
END $$;

CREATE FUNCTION listing_prices_take_listed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Planned anew each time: one row and thousands want other plans.
    EXECUTE $sql$
        INSERT INTO listing_prices (
            starts, ends, weeks, number, input_price, output_price, deprecated, bits,
            context_window, max_output, release_date
        )
        SELECT
            s.starts, s.ends, s.weeks, s.number, s.input_price, s.output_price, s.deprecated,
            s.bits, s.context_window, s.max_output, s.release_date
        FROM new_rows AS n JOIN listing_prices_source AS s ON s.number = n.number
    $sql$;
    RETURN NULL;
END $$;
CREATE TRIGGER priced AFTER INSERT ON listing REFERENCING NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION listing_prices_take_listed();

CREATE FUNCTION listing_prices_follow_listing() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE listing_prices
    SET deprecated = NEW.deprecated, bits = NEW.bits, context_window = NEW.context_window,
        max_output = NEW.max_output, release_date = NEW.release_date
    WHERE number = NEW.number;
    RETURN NULL;
END $$;
CREATE TRIGGER relisted AFTER UPDATE ON listing
FOR EACH ROW WHEN (
    (NEW.deprecated, NEW.bits, NEW.context_window, NEW.max_output, NEW.release_date)
    IS DISTINCT FROM
    (OLD.deprecated, OLD.bits, OLD.context_window, OLD.max_output, OLD.release_date)
)
EXECUTE FUNCTION listing_prices_follow_listing();

CREATE FUNCTION listing_prices_follow_price() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND (
        NEW.model_id, NEW.input_price_per_million, NEW.output_price_per_million,
        NEW.effective_date, NEW.service_tier, NEW.context_threshold, NEW.deleted_at
    ) IS NOT DISTINCT FROM (
        OLD.model_id, OLD.input_price_per_million, OLD.output_price_per_million,
        OLD.effective_date, OLD.service_tier, OLD.context_threshold, OLD.deleted_at
    ) THEN
        RETURN NULL;
    END IF;
    IF TG_OP <> 'INSERT' AND OLD.service_tier = 'standard' AND OLD.context_threshold = 0 THEN
        PERFORM refresh_listing_prices(OLD.model_id, OLD.effective_date);
    END IF;
    IF TG_OP <> 'DELETE' AND NEW.service_tier = 'standard' AND NEW.context_threshold = 0 AND (
        NEW.model_id, NEW.effective_date, NEW.service_tier, NEW.context_threshold
    ) IS DISTINCT FROM (
        OLD.model_id, OLD.effective_date, OLD.service_tier, OLD.context_threshold
    ) THEN
        PERFORM refresh_listing_prices(NEW.model_id, NEW.effective_date);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER repriced AFTER INSERT OR UPDATE OR DELETE ON pricing
FOR EACH ROW EXECUTE FUNCTION listing_prices_follow_price();

-- migrate:down

DROP TRIGGER repriced ON pricing;
DROP TRIGGER relisted ON listing;
DROP TRIGGER priced ON listing;
DROP FUNCTION listing_prices_follow_price, listing_prices_follow_listing,
    listing_prices_take_listed, refresh_listing_prices;
DROP VIEW listing_prices_source;
DROP TABLE listing_prices;
