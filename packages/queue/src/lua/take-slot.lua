-- Takes a slot and claims the app for the deployment's job, or records the app as waiting. A free slot belongs to the app that has waited
-- longest.
-- Returns the counts that decide the priority: other active deployments of the owner, waiting jobs, and jobs added since none waited.
-- Returns 'full' without a free slot, and 'behind' when the free slots belong to apps that have waited longer. Otherwise the app waits no
-- longer: returns 'added' when the job exists, its slot now confirmed, and 'busy' while the app has another job, without a slot.
-- KEYS[1] the owner's slots, KEYS[2] the owner's waiting apps, KEYS[3] the fleet's capacity, KEYS[4] the jobs that wait for a worker,
-- KEYS[5] the number of added jobs, KEYS[6] the app's claim, KEYS[7] the start of the keys of the builds' queue, KEYS[8] of the other queue
-- ARGV[1] deployment id, ARGV[2] app id, ARGV[3] slots per owner, ARGV[4] reserved slots, ARGV[5] duration of the claim in milliseconds,
-- ARGV[6..] ids of running deployments
--- @include "clock"
--- @include "slot-limit"
--- @include "owner-slots"
--- @include "claim"
--- @include "confirm"
--- @include "free"
local own, appId = ARGV[1], ARGV[2]
local count, built = countOthers(own, 6)
local isHeld = redis.call('ZSCORE', KEYS[1], own)
if not isHeld then
  local free = freeSlots(count, built, tonumber(ARGV[3]), tonumber(ARGV[4]), KEYS[3])
  local before = redis.call('ZRANK', KEYS[2], appId) or redis.call('ZCARD', KEYS[2])
  if before >= free then
    redis.call('ZADD', KEYS[2], 'NX', nowMs() / 1000, appId)
    if free > 0 then return 'behind' end
    return 'full'
  end
end

redis.call('ZREM', KEYS[2], appId)
local claimed = claimApp(KEYS[6], KEYS[7], KEYS[8], appId, own, ARGV[5])
if claimed == 'added' then
  confirmSlot(KEYS[1], own)
  return 'added'
end
if claimed == 'busy' then
  freeUnconfirmed(KEYS[1], own)
  return 'busy'
end
local waitingJobs = redis.call('ZCARD', KEYS[4])
if isHeld then return { count, waitingJobs, tonumber(redis.call('GET', KEYS[5]) or 0) } end
redis.call('ZADD', KEYS[1], nowMs() / 1000, own)
if waitingJobs == 0 then redis.call('SET', KEYS[5], 0) end
return { count, waitingJobs, redis.call('INCR', KEYS[5]) }
