-- How many slots of an owner are free, of whose deployments `count` are at work and `built` of these build no more. At most
-- `slotsPerOwner` deployments are at work. At most as many build, or less where the fleet is small, so that the reserved slots stay
-- for other owners. An owner may always build one. A single user has all.
local function freeSlots(count, built, slotsPerOwner, reserved, capacityKey)
  local limit = slotsPerOwner
  if reserved > 0 then
    local slots, users = unpack(redis.call('HMGET', capacityKey, 'slots', 'users'))
    if users ~= '1' then limit = math.max(1, math.min(slotsPerOwner, tonumber(slots or 0) - reserved)) end
  end
  return math.min(slotsPerOwner - count, limit - (count - built))
end
