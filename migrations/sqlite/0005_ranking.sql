-- migrate:up additive:true

-- With all that a ranking needs of the rows that are not on its page.
CREATE INDEX benchmarks_ranking ON benchmarks (
    benchmark_name, score DESC, model_id, higher_is_better, deleted_at
);
DROP INDEX benchmarks_name_score;

-- migrate:down

CREATE INDEX benchmarks_name_score ON benchmarks (benchmark_name, score DESC);
DROP INDEX benchmarks_ranking;
