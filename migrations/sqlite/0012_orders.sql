-- migrate:up additive:true

-- Its indexes are read from either end, whatever is last: there is nothing to change.

-- migrate:down
