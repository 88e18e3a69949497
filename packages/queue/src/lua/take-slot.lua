-- Takes a slot, or adds the app to the waiting ones. Returns the number of other deployments at work; nil without a free slot.
-- KEYS[1] the owner's slots, KEYS[2] the owner's waiting apps
-- ARGV[1] job key prefix, ARGV[2] deployment id, ARGV[3] app id, ARGV[4] limit, ARGV[5..] ids of running deployments
--- @include "owner-slots"
local own, appId, limit = ARGV[2], ARGV[3], tonumber(ARGV[4])
local count = countOthers(own, 5)
local hasSlot = redis.call('ZSCORE', KEYS[1], own)
if not hasSlot and count >= limit then
  redis.call('ZADD', KEYS[2], 'NX', now, appId)
  return nil
end
if not hasSlot then redis.call('ZADD', KEYS[1], now, own) end
redis.call('ZREM', KEYS[2], appId)
return count
