-- The time by Redis's clock, in milliseconds. All processes share this clock; their own clocks may differ.
local function nowMs()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
