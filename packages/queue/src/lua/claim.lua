-- Claims an app for a job that is about to be added to a queue, unless a job makes adding it unnecessary. Every add to the other queue
-- needs the claim, so while it is held the other queue gets no job of the app.
-- Returns 'claimed'; 'added' if the queue has the job; 'busy' while another job of the app has the claim, or exists in one of the queues.
-- BullMQ's deduplication key may outlive its job; BullMQ ignores such a key as well.
-- queue, otherQueue: the start of the queue's keys, e.g. "{slipway:a:queue}:deployments:"
local function claimApp(claimKey, queue, otherQueue, appId, jobId, claimMs)
  local claimed = redis.call('GET', claimKey)
  if claimed and claimed ~= jobId then return 'busy' end
  local other = redis.call('GET', otherQueue .. 'de:' .. appId)
  if other and redis.call('EXISTS', otherQueue .. other) == 1 then return 'busy' end
  if redis.call('EXISTS', queue .. jobId) == 1 then return 'added' end
  local same = redis.call('GET', queue .. 'de:' .. appId)
  if same and redis.call('EXISTS', queue .. same) == 1 then return 'busy' end
  redis.call('SET', claimKey, jobId, 'PX', claimMs)
  return 'claimed'
end
