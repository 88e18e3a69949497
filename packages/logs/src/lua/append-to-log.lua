-- Removes batches that begin before `trimBefore`, appends a batch and publishes it. Repeating the call, as after a lost connection,
-- changes and publishes nothing.
-- ARGV[1] attempt, ARGV[2] firstSeq, ARGV[3] lineCount, ARGV[4] channel, ARGV[5] message, ARGV[6] trimBefore (0: nothing)
--- @include "log"
local head = redis.call('HMGET', KEYS[1], 'attempt', 'lastSeq')
if not head[1] then return gap end
local owner, attempt = tonumber(head[1]), tonumber(ARGV[1])
if owner > attempt then return stale end
if owner < attempt then return gap end
local last, first = tonumber(head[2]), tonumber(ARGV[2])
local final = first + tonumber(ARGV[3]) - 1
if final <= last then return last end
if first ~= last + 1 then return gap end
if ARGV[6] ~= '0' then redis.call('XTRIM', KEYS[2], 'MINID', ARGV[6]) end
redis.call('XADD', KEYS[2], first .. '-' .. ARGV[3], 'm', ARGV[5])
redis.call('HSET', KEYS[1], 'lastSeq', final)
if redis.call('TTL', KEYS[2]) < 0 then redis.call('EXPIRE', KEYS[2], expirySeconds) end
redis.call('PUBLISH', ARGV[4], ARGV[5])
return final
