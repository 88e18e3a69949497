-- KEYS[1] the owner's slots: a sorted set of deployment ids, each with the time in Redis's clock: positive, in seconds, while
-- it is unconfirmed; negative, in milliseconds, once the deployment's job exists; -inf once its build has ended. The previous version
-- has no -inf.

-- Counts the owner's active deployments except `own`: all of them, and those whose build has ended. The running ones of the store
-- are in ARGV from `firstRunning` on: Redis may have lost their slots.
local function countOthers(own, firstRunning)
  local found, count, built = {}, 0, 0
  local slots = redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')
  for at = 1, #slots, 2 do
    local id = slots[at]
    found[id] = true
    if id ~= own then
      count = count + 1
      if slots[at + 1] == '-inf' then built = built + 1 end
    end
  end
  for at = firstRunning, #ARGV do
    local id = ARGV[at]
    if not found[id] and id ~= own then count = count + 1 end
  end
  return count, built
end
