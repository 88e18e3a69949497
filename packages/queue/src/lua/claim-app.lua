-- Claims an app for a job that is about to be added. Returns 1, or 0 while the app has another job or claim.
-- KEYS[1] the app's claim, KEYS[2] its deduplication key in the other queue
-- ARGV[1] job id, ARGV[2] duration of the claim in milliseconds, ARGV[3] prefix of the other queue's job keys
-- A deduplication key without its job is stale; BullMQ ignores it too.
local holder = redis.call('GET', KEYS[2])
if holder and redis.call('EXISTS', ARGV[3] .. holder) == 1 then return 0 end
local claimed = redis.call('GET', KEYS[1])
if claimed and claimed ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
