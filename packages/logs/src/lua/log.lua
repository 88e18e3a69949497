-- Common to the scripts of a log. KEYS[1] is its head, a hash: `attempt`, the only attempt that may append, `startsAfter`, the number of the
-- last line before its first one, and `lastSeq`, the number of the last line. KEYS[2] is its tail, a stream of batches with the ids `firstSeq-lineCount`.
-- A script returns the number of the last line, or one of these:
local stale = -1 -- a newer attempt owns the log
local gap = -2 -- the batch does not follow the last line, or the attempt has not taken over the log
-- The expiry of keys whose deployment never ends.
local expirySeconds = 24 * 60 * 60
