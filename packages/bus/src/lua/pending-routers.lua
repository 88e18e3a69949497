-- Counts the routers that are alive and have not confirmed a cutover.
-- KEYS[1] seen        sorted set of router ids, scored with the time of their last heartbeat
-- KEYS[2] confirmed   set of the ids of the routers that have confirmed it
-- ARGV[1] aliveMs     how long a router counts as alive without a heartbeat
--- @include "clock"
local pending = 0
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], nowMs() - ARGV[1], '+inf')) do
  if redis.call('SISMEMBER', KEYS[2], id) == 0 then pending = pending + 1 end
end
return pending
