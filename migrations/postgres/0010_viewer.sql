-- migrate:up additive:true

-- For people who look through millions of rows: an order with ties by the key.
DROP INDEX pricing_date;
CREATE INDEX pricing_date ON pricing (effective_date DESC, id DESC);
CREATE INDEX pricing_output ON pricing (output_price_per_million, id);
CREATE INDEX pricing_updated ON pricing (updated_at, id);
CREATE INDEX pricing_input ON pricing (input_price_per_million, id);
CREATE INDEX changes_time ON changes (changed_at, revision);

-- migrate:down

DROP INDEX changes_time;
DROP INDEX pricing_input;
DROP INDEX pricing_updated;
DROP INDEX pricing_output;
DROP INDEX pricing_date;
CREATE INDEX pricing_date ON pricing (effective_date DESC);
