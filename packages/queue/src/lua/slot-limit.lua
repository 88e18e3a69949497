-- How many slots one owner may hold: its limit, less where the fleet is small, so that the reserved slots stay for other owners. An
-- owner always has one. A single user has all.
local function limitOf(slotsPerOwner, reserved, capacityKey)
  if reserved == 0 then return slotsPerOwner end
  local slots, users = unpack(redis.call('HMGET', capacityKey, 'slots', 'users'))
  if users == '1' then return slotsPerOwner end
  return math.max(1, math.min(slotsPerOwner, tonumber(slots or 0) - reserved))
end
