-- Lists the members with their records.
-- KEYS[1] seen, KEYS[2] records: see beat.lua
-- Returns the time, then the records and the last heartbeats, each as a flat list of id and value.
--- @include "clock"
return { nowMs(), redis.call('HGETALL', KEYS[2]), redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES') }
