-- Finds the lanes that do not advance by themselves, and records the apps that need a slot as waiting for one.
-- Returns two lists: the positions, from 1, of heads whose lane has to be advanced, and the owners with an app that waits for a slot.
-- KEYS[1], KEYS[2] the start of each queue's keys; KEYS[3] the start of the keys of owners' waiting apps
-- ARGV of each head: id, app id, owner id or "" when it needs no slot, and the start of its wait, in seconds
--- @include "job-state"

local function appHasJob(appId)
  for at = 1, 2 do
    local id = redis.call('GET', KEYS[at] .. 'de:' .. appId)
    if id and jobState(KEYS[at], id) == 'live' then return true end
  end
  return false
end

local stranded, owners, seen = {}, {}, {}
for at = 1, #ARGV, 4 do
  local id, appId, ownerId = ARGV[at], ARGV[at + 1], ARGV[at + 2]
  local one, other = jobState(KEYS[1], id), jobState(KEYS[2], id)
  if one == 'live' or other == 'live' then
    -- Its end advances the lane.
  elseif one or other then
    stranded[#stranded + 1] = (at + 3) / 4
  elseif not appHasJob(appId) then
    if ownerId == '' then
      stranded[#stranded + 1] = (at + 3) / 4
    else
      redis.call('ZADD', KEYS[3] .. ownerId, 'NX', ARGV[at + 3], appId)
      if not seen[ownerId] then owners[#owners + 1] = ownerId end
      seen[ownerId] = true
    end
  end
end
return { stranded, owners }
