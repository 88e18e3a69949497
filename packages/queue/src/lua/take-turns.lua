-- Takes the turns of periodic work that are due.
-- KEYS[1] turns   hash from the name of the work to the end of its last turn, in milliseconds
-- ARGV            name and turnMs of each work, in turn
-- Returns the names of the work whose turns were taken.
--- @include "clock"
local now = nowMs()
local taken = {}
for at = 1, #ARGV, 2 do
  local name, turnMs = ARGV[at], tonumber(ARGV[at + 1])
  local ends = tonumber(redis.call('HGET', KEYS[1], name) or '0')
  -- A later end was set before the clock was put back.
  if now >= ends or ends > now + turnMs then
    redis.call('HSET', KEYS[1], name, now + turnMs)
    table.insert(taken, name)
  end
end
return taken
