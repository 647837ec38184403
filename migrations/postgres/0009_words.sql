-- migrate:up additive:true

-- Its index of trigrams finds words of any length: there is nothing to change.

-- migrate:down
