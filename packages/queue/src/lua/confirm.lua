-- Confirms a slot: it is kept until the deployment's job has ended. A build that has already ended stays ended.
local function confirmSlot(slotsKey, id)
  if redis.call('ZSCORE', slotsKey, id) ~= '-inf' then redis.call('ZADD', slotsKey, -nowMs(), id) end
end
