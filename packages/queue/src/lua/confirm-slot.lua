-- Confirms that the deployment's job exists: the slot is kept until that job has ended. A build that has already ended stays ended.
-- KEYS[1] the owner's slots, see owner-slots.lua; ARGV[1] deployment id, ARGV[2] 1 if the deployment builds again, otherwise 0
--- @include "clock"
if ARGV[2] == '0' and redis.call('ZSCORE', KEYS[1], ARGV[1]) == '-inf' then return end
redis.call('ZADD', KEYS[1], -nowMs(), ARGV[1])
