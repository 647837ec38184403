-- migrate:up additive:true

-- Its triggers work row by row, and a counter's row has no versions: there is nothing to change.

-- migrate:down
