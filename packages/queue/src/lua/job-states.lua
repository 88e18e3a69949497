-- Returns the state of each item's job in both queues together: "live", "failed", "completed" or "gone".
-- KEYS[1], KEYS[2] the start of each queue's keys
-- ARGV ids of deployments or operations
--- @include "job-state"
local states = {}
for at, id in ipairs(ARGV) do
  local one, other = jobState(KEYS[1], id), jobState(KEYS[2], id)
  if one == 'live' or other == 'live' then states[at] = 'live'
  elseif one == 'failed' or other == 'failed' then states[at] = 'failed'
  else states[at] = one or other or 'gone' end
end
return states
