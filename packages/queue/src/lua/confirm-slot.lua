-- Confirms that the deployment's job exists: the slot is kept until that job has ended.
-- KEYS[1] the owner's slots, see owner-slots.lua; ARGV[1] deployment id
--- @include "clock"
redis.call('ZADD', KEYS[1], -nowMs(), ARGV[1])
