-- KEYS[1] the owner's slots: a sorted set of deployment ids, each with the time in Redis's clock: positive, in seconds, from the
-- reservation on; negative, in milliseconds, once the deployment's job exists. The previous version has 0 instead.

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
