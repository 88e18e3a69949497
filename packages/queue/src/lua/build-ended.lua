-- Notes that the deployment builds no more: it is still at work, and leaves its build slot to another of its owner.
-- KEYS[1] the owner's slots, see owner-slots.lua; ARGV[1] deployment id
redis.call('ZADD', KEYS[1], '-inf', ARGV[1])
