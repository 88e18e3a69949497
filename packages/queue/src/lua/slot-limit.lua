-- Returns the number of free slots of an owner with `count` active deployments, of which `built` no longer build. At most
-- `slotsPerOwner` deployments are active, and as many build, or fewer in a small fleet, where the reserved slots stay free for other
-- owners. An owner may always build one deployment. With a single user no slot is reserved.
local function freeSlots(count, built, slotsPerOwner, reserved, capacityKey)
  local limit = slotsPerOwner
  if reserved > 0 then
    local slots, users = unpack(redis.call('HMGET', capacityKey, 'slots', 'users'))
    if users ~= '1' then limit = math.max(1, math.min(slotsPerOwner, tonumber(slots or 0) - reserved)) end
  end
  return math.min(slotsPerOwner - count, limit - (count - built))
end
