-- Claims an app for a job that is about to be added. Returns 1, or 0 while another job has the claim.
-- KEYS[1] the app's claim
-- ARGV[1] job id, ARGV[2] duration of the claim in milliseconds
local claimed = redis.call('GET', KEYS[1])
if claimed and claimed ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
