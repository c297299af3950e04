-- What was taken turned out to be $3 more, or less.
update generator_spending set tokens = greatest(0, tokens + $3::bigint) where generator = $1 and day = $2
returning tokens
