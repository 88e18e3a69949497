-- Frees a slot that is not confirmed. A deployment whose job was added in the meantime, by a concurrent call, keeps its slot.
local function freeUnconfirmed(slotsKey, id)
  local since = redis.call('ZSCORE', slotsKey, id)
  if since and since ~= '-inf' and tonumber(since) > 0 then redis.call('ZREM', slotsKey, id) end
end
