-- migrate:up additive:true

-- New models come in their thousands, and each statement knows all of them: the listing takes them in
-- one statement, and counts them in one. Row by row the counts were the worst: the same few rows,
-- changed once for each model, and each time found again behind all of their dead versions.
CREATE FUNCTION listing_takes_models() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Planned anew each time: a plan for the first few models of an empty database is one for ever.
    EXECUTE $sql$
        INSERT INTO listing (
            model_id, provider_id, name_folded, search_text, family, mode, canonical, bits,
            deprecated, context_window, max_output, release_date, updated_at, price_id, price_date,
            next_price_date, input_price, output_price
        )
        SELECT
            s.model_id, s.provider_id, s.name_folded, s.search_text, s.family, s.mode,
            s.canonical, s.bits, s.deprecated, s.context_window, s.max_output, s.release_date,
            s.updated_at, s.price_id, s.price_date, s.next_price_date, s.input_price,
            s.output_price
        FROM new_models AS n JOIN listing_source AS s ON s.model_id = n.id
        ON CONFLICT (model_id) DO NOTHING
    $sql$;
    RETURN NULL;
END $$;
DROP TRIGGER refreshed ON models;
CREATE TRIGGER refreshed AFTER UPDATE ON models
FOR EACH ROW EXECUTE FUNCTION listing_follows_model();
CREATE TRIGGER listed AFTER INSERT ON models REFERENCING NEW TABLE AS new_models
FOR EACH STATEMENT EXECUTE FUNCTION listing_takes_models();

CREATE FUNCTION count_listed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO listing_counts AS c
    SELECT bits, mode, coalesce(family, ''), deprecated, count(*) FROM new_rows
    GROUP BY bits, mode, coalesce(family, ''), deprecated
    ORDER BY bits, mode, coalesce(family, ''), deprecated
    ON CONFLICT (bits, mode, family, deprecated) DO UPDATE SET models = c.models + excluded.models;
    RETURN NULL;
END $$;
DROP TRIGGER counted ON listing;
CREATE TRIGGER counted AFTER UPDATE OR DELETE ON listing
FOR EACH ROW EXECUTE FUNCTION count_listing();
CREATE TRIGGER listed AFTER INSERT ON listing REFERENCING NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION count_listed();

-- migrate:down

DROP TRIGGER listed ON listing;
DROP TRIGGER counted ON listing;
CREATE TRIGGER counted AFTER INSERT OR UPDATE OR DELETE ON listing
FOR EACH ROW EXECUTE FUNCTION count_listing();
DROP TRIGGER listed ON models;
DROP TRIGGER refreshed ON models;
CREATE TRIGGER refreshed AFTER INSERT OR UPDATE ON models
FOR EACH ROW EXECUTE FUNCTION listing_follows_model();
DROP FUNCTION count_listed, listing_takes_models;
