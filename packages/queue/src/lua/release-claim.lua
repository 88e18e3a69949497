-- KEYS[1] the app's claim; ARGV[1] job id
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
