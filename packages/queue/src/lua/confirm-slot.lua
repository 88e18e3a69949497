-- Confirms that the deployment's job exists, and releases the claim of its app.
-- KEYS[1] the owner's slots, see owner-slots.lua; KEYS[2] the app's claim
-- ARGV[1] deployment id, ARGV[2] 1 if the deployment builds again, otherwise 0
--- @include "clock"
--- @include "confirm"
--- @include "release"
if ARGV[2] == '1' then redis.call('ZADD', KEYS[1], -nowMs(), ARGV[1]) else confirmSlot(KEYS[1], ARGV[1]) end
releaseClaim(KEYS[2], ARGV[1])
