-- Removes the slots of an owner whose jobs have ended or no longer exist. Returns the owner's app that has waited longest, or nil.
-- KEYS[1] the owner's slots, see owner-slots.lua; KEYS[2] the owner's waiting apps; KEYS[3], KEYS[4] the start of each queue's keys
--- @include "clock"
--- @include "job-state"
--- @include "unconfirmed"
local expired = nowMs() / 1000 - unconfirmedSeconds
local slots = redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')
for at = 1, #slots, 2 do
  local id, score = slots[at], slots[at + 1]
  local one = jobState(KEYS[3], id)
  local other = one ~= 'live' and jobState(KEYS[4], id)
  if one ~= 'live' and other ~= 'live' then
    local isGone = not (one or other)
    local isUnconfirmed = isGone and score ~= '-inf' and tonumber(score) > expired
    if not isUnconfirmed then redis.call('ZREM', KEYS[1], id) end
  end
end
return redis.call('ZRANGE', KEYS[2], 0, 0)[1]
