-- migrate:up additive:true

-- Admin tables have millions of rows in the order of any column: ties by the key, either way round,
-- and known without the row which are deleted.
CREATE INDEX pricing_cached ON pricing (cached_input_price, id, deleted_at);
CREATE INDEX pricing_cache_write ON pricing (cache_write_price, id, deleted_at);
CREATE INDEX pricing_reasoning ON pricing (reasoning_price, id, deleted_at);
CREATE INDEX pricing_audio_in ON pricing (input_audio_price, id, deleted_at);
CREATE INDEX pricing_audio_out ON pricing (output_audio_price, id, deleted_at);
CREATE INDEX pricing_tier ON pricing (service_tier, id, deleted_at);
CREATE INDEX pricing_threshold ON pricing (context_threshold, id, deleted_at);
CREATE INDEX pricing_state ON pricing (state, id, deleted_at);
CREATE INDEX pricing_source ON pricing (source_url, id, deleted_at);
CREATE INDEX pricing_verified ON pricing (verified_at, id, deleted_at);
CREATE INDEX pricing_created ON pricing (created_at, id, deleted_at);
CREATE INDEX changes_actor ON changes (actor, revision);
CREATE INDEX changes_run ON changes (run_id, revision);
CREATE INDEX changes_table ON changes (table_name, revision);
-- A row of one table has its number in others too, but few: the order by id needs no index more.
DROP INDEX changes_row;
CREATE INDEX changes_row ON changes (row_id, revision, table_name);

-- migrate:down

DROP INDEX changes_row;
CREATE INDEX changes_row ON changes (table_name, row_id, revision);
DROP INDEX changes_table;
DROP INDEX changes_run;
DROP INDEX changes_actor;
DROP INDEX pricing_created;
DROP INDEX pricing_verified;
DROP INDEX pricing_source;
DROP INDEX pricing_state;
DROP INDEX pricing_threshold;
DROP INDEX pricing_tier;
DROP INDEX pricing_audio_out;
DROP INDEX pricing_audio_in;
DROP INDEX pricing_reasoning;
DROP INDEX pricing_cache_write;
DROP INDEX pricing_cached;
