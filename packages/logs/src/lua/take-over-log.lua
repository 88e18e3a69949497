-- Makes the attempt the only one that may append. When Redis lost data and has less than the store, the log continues after the
-- store's last line.
-- ARGV[1] attempt, ARGV[2] storedSeq, ARGV[3] startsAfter of an attempt that takes its own log over again, otherwise ''
--- @include "log"
local head = redis.call('HMGET', KEYS[1], 'attempt', 'lastSeq')
local attempt, stored = tonumber(ARGV[1]), tonumber(ARGV[2])
if head[1] and tonumber(head[1]) > attempt then return stale end
local last = head[2] and tonumber(head[2]) or 0
if not head[2] or last < stored or (last > 0 and redis.call('EXISTS', KEYS[2]) == 0) then
  redis.call('DEL', KEYS[2])
  last = stored
end
local startsAfter = ARGV[3] == '' and last or ARGV[3]
redis.call('HSET', KEYS[1], 'attempt', ARGV[1], 'startsAfter', startsAfter, 'lastSeq', last)
redis.call('EXPIRE', KEYS[1], expirySeconds)
if last > 0 then redis.call('EXPIRE', KEYS[2], expirySeconds) end
return last
