-- Records that the deployment no longer builds: it stays active, and its build slot is free for another of its owner.
-- KEYS[1] the owner's slots, see owner-slots.lua; ARGV[1] deployment id
redis.call('ZADD', KEYS[1], '-inf', ARGV[1])
