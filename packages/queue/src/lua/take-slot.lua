-- Takes a slot, or adds the app to the waiting ones. Returns the number of other deployments at work; nil without a free slot.
-- KEYS[1] the owner's slots, KEYS[2] the owner's waiting apps, KEYS[3] the fleet's capacity
-- ARGV[1] deployment id, ARGV[2] app id, ARGV[3] slots per owner, ARGV[4] reserved slots, ARGV[5..] ids of running deployments
--- @include "clock"
--- @include "slot-limit"
--- @include "owner-slots"
local own, appId = ARGV[1], ARGV[2]
local limit = limitOf(tonumber(ARGV[3]), tonumber(ARGV[4]), KEYS[3])
local count = countOthers(own, 5)
local now = nowMs() / 1000
local hasSlot = redis.call('ZSCORE', KEYS[1], own)
if not hasSlot and count >= limit then
  redis.call('ZADD', KEYS[2], 'NX', now, appId)
  return nil
end
if not hasSlot then redis.call('ZADD', KEYS[1], now, own) end
redis.call('ZREM', KEYS[2], appId)
return count
