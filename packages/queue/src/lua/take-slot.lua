-- Takes a slot, or records the app as waiting. A free slot belongs to the app that has waited longest.
-- Returns the counts that decide the priority: other active deployments of the owner, waiting jobs, and jobs added since none waited.
-- Returns 'full' without a free slot, and 'behind' when the free slots belong to apps that have waited longer.
-- KEYS[1] the owner's slots, KEYS[2] the owner's waiting apps, KEYS[3] the fleet's capacity, KEYS[4] the jobs that wait for a worker,
-- KEYS[5] the number of added jobs
-- ARGV[1] deployment id, ARGV[2] app id, ARGV[3] slots per owner, ARGV[4] reserved slots, ARGV[5..] ids of running deployments
--- @include "clock"
--- @include "slot-limit"
--- @include "owner-slots"
local own, appId = ARGV[1], ARGV[2]
local count, built = countOthers(own, 5)
local waitingJobs = redis.call('ZCARD', KEYS[4])
if redis.call('ZSCORE', KEYS[1], own) then
  redis.call('ZREM', KEYS[2], appId)
  return { count, waitingJobs, tonumber(redis.call('GET', KEYS[5]) or 0) }
end

local now = nowMs() / 1000
local free = freeSlots(count, built, tonumber(ARGV[3]), tonumber(ARGV[4]), KEYS[3])
local before = redis.call('ZRANK', KEYS[2], appId) or redis.call('ZCARD', KEYS[2])
if before >= free then
  redis.call('ZADD', KEYS[2], 'NX', now, appId)
  if free > 0 then return 'behind' end
  return 'full'
end
redis.call('ZADD', KEYS[1], now, own)
redis.call('ZREM', KEYS[2], appId)
if waitingJobs == 0 then redis.call('SET', KEYS[5], 0) end
return { count, waitingJobs, redis.call('INCR', KEYS[5]) }
