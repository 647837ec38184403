-- migrate:up additive:true

-- For people who look through millions of rows: an order with ties by the key, either way round,
-- that knows without the row which ones are deleted.
DROP INDEX pricing_date;
CREATE INDEX pricing_date ON pricing (effective_date DESC, id DESC, deleted_at);
CREATE INDEX pricing_output ON pricing (output_price_per_million, id, deleted_at);
CREATE INDEX pricing_updated ON pricing (updated_at, id, deleted_at);
-- With the figures that have no index of their own: a third of the table to look through for them.
CREATE INDEX pricing_input ON pricing (
    input_price_per_million, id, deleted_at, output_price_per_million, cached_input_price,
    cache_write_price, reasoning_price, input_audio_price, output_audio_price, service_tier,
    context_threshold, state
);
CREATE INDEX changes_time ON changes (changed_at, revision, actor, run_id);

-- migrate:down

DROP INDEX changes_time;
DROP INDEX pricing_input;
DROP INDEX pricing_updated;
DROP INDEX pricing_output;
DROP INDEX pricing_date;
CREATE INDEX pricing_date ON pricing (effective_date DESC);
