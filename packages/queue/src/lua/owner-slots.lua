-- KEYS[1] the owner's slots: a sorted set of deployment ids, each with the time in Redis's clock: positive, in seconds, from the
-- reservation on; negative, in milliseconds, once the deployment's job exists. The previous version has 0 instead.

-- How many slots one owner may hold: its limit, less where the fleet is small, so that the reserved slots stay for other owners. An
-- owner always has one. A single user has all.
local function limitOf(slotsPerOwner, reserved, capacityKey)
  if reserved == 0 then return slotsPerOwner end
  local slots, users = unpack(redis.call('HMGET', capacityKey, 'slots', 'users'))
  if users == '1' then return slotsPerOwner end
  return math.max(1, math.min(slotsPerOwner, tonumber(slots or 0) - reserved))
end

-- Counts the owner's deployments at work, but for `own`, with the running ones of the store in ARGV from `firstRunning` on: Redis may
-- have lost their slots.
local function countOthers(own, firstRunning)
  local found, count = {}, 0
  for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
    found[id] = true
    if id ~= own then count = count + 1 end
  end
  for at = firstRunning, #ARGV do
    local id = ARGV[at]
    if not found[id] and id ~= own then count = count + 1 end
  end
  return count
end
