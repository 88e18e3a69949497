-- Records a heartbeat, and removes members without a recent heartbeat.
-- KEYS[1] seen      sorted set of member ids, scored with the time of their last heartbeat
-- KEYS[2] records   hash of the members' records
-- ARGV[1] id
-- ARGV[2] record    empty for none
-- ARGV[3] forgetAfterMs
--- @include "clock"
local now = nowMs()
redis.call('ZADD', KEYS[1], now, ARGV[1])
if ARGV[2] ~= '' then redis.call('HSET', KEYS[2], ARGV[1], ARGV[2]) end
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', '(' .. now - ARGV[3])) do
  redis.call('ZREM', KEYS[1], id)
  redis.call('HDEL', KEYS[2], id)
end
