-- migrate:up additive:true

-- An index for each order of the list the other way round as well: what is unknown is last in both,
-- and ids ascend, so that none of those that there are can be read from its end.
CREATE INDEX listing_name_back ON listing (name_folded DESC NULLS LAST, model_id);
CREATE INDEX listing_provider_back ON listing (provider_id DESC NULLS LAST, model_id);
CREATE INDEX listing_released_back ON listing (release_date, model_id);
CREATE INDEX listing_context_back ON listing (context_window, model_id);
CREATE INDEX listing_output_back ON listing (max_output, model_id);
CREATE INDEX listing_input_price_back ON listing (input_price DESC NULLS LAST, model_id);
CREATE INDEX listing_output_price_back ON listing (output_price DESC NULLS LAST, model_id);
CREATE INDEX listing_updated_back ON listing (updated_at, model_id);
-- To count what a limit leaves: small, as equal keys are kept once.
CREATE INDEX listing_released_count ON listing (deprecated, release_date);
CREATE INDEX listing_context_count ON listing (deprecated, context_window);
CREATE INDEX listing_output_count ON listing (deprecated, max_output);
CREATE INDEX listing_input_price_count ON listing (deprecated, input_price);
CREATE INDEX listing_output_price_count ON listing (deprecated, output_price);

-- migrate:down

DROP INDEX listing_released_count, listing_context_count, listing_output_count,
    listing_input_price_count, listing_output_price_count;
DROP INDEX listing_name_back, listing_provider_back, listing_released_back, listing_context_back,
    listing_output_back, listing_input_price_back, listing_output_price_back, listing_updated_back;
