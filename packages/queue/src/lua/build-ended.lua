-- Records that the deployment no longer builds: it stays active, and its build slot is free for another of its owner. Returns the owner's
-- app that has waited longest, or nil.
-- KEYS[1] the owner's slots, see owner-slots.lua; KEYS[2] the owner's waiting apps; ARGV[1] deployment id
redis.call('ZADD', KEYS[1], '-inf', ARGV[1])
return redis.call('ZRANGE', KEYS[2], 0, 0)[1]
