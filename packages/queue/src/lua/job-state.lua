-- The state of an item's job in one of the lanes' queues: "live", "completed", "failed", or nil when it has none there.
-- queue: the start of the queue's keys, e.g. "{slipway:a:queue}:deployments:"
local function jobState(queue, id)
  if redis.call('EXISTS', queue .. id) == 0 then return nil end
  if redis.call('ZSCORE', queue .. 'completed', id) then return 'completed' end
  if redis.call('ZSCORE', queue .. 'failed', id) then return 'failed' end
  return 'live'
end
