-- KEYS[1] the owner's slots   sorted set of deployment ids, scored 0 when they have a job, else with the time of the reservation
-- ARGV[1] prefix of the keys of the deployments' jobs
-- A reservation without a job is honored for this many seconds: its holder may have crashed before it added the job.
local reservedSeconds = 10
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000

local function jobState(id)
  local created, finished = unpack(redis.call('HMGET', ARGV[1] .. id, 'timestamp', 'finishedOn'))
  if not created then return 'none' end
  return finished and 'ended' or 'live'
end

local function isAtWork(id, reservedAt)
  local state = jobState(id)
  return state == 'live' or (state == 'none' and reservedAt + reservedSeconds > now)
end

-- Counts the owner's deployments at work, but for `own`, with the running ones of the store in ARGV from `firstRunning` on.
-- Removes slots of deployments whose job has ended.
local function countOthers(own, firstRunning)
  local found, count = {}, 0
  local members = redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')
  for at = 1, #members, 2 do
    local id = members[at]
    found[id] = isAtWork(id, members[at + 1])
    if not found[id] then redis.call('ZREM', KEYS[1], id) end
    if found[id] and id ~= own then count = count + 1 end
  end
  -- Redis may have lost the slots of running deployments. An ended job is newer than the store's answer.
  for at = firstRunning, #ARGV do
    local id = ARGV[at]
    if not found[id] and id ~= own and jobState(id) ~= 'ended' then count = count + 1 end
  end
  return count
end
