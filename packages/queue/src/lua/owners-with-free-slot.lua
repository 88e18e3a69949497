-- Returns those of the owners that have a free slot, or one whose job has ended or is gone.
-- KEYS[1], KEYS[2] the start of each queue's keys; KEYS[3] the start of the keys of owners' slots; KEYS[4] the fleet's capacity
-- ARGV[1] slots per owner, ARGV[2] reserved slots, ARGV[3..] owner ids
--- @include "clock"
--- @include "slot-limit"
--- @include "job-state"
--- @include "unconfirmed"
local expired = nowMs() / 1000 - unconfirmedSeconds
local slotsPerOwner, reserved = tonumber(ARGV[1]), tonumber(ARGV[2])
local free = {}
for at = 3, #ARGV do
  local slots = redis.call('ZRANGE', KEYS[3] .. ARGV[at], 0, -1, 'WITHSCORES')
  local count, built = 0, 0
  for slot = 1, #slots, 2 do
    local score = slots[slot + 1]
    local hasBuilt = score == '-inf'
    local isLive = jobState(KEYS[1], slots[slot]) == 'live' or jobState(KEYS[2], slots[slot]) == 'live'
    if isLive or (not hasBuilt and tonumber(score) > expired) then
      count = count + 1
      if hasBuilt then built = built + 1 end
    end
  end
  if freeSlots(count, built, slotsPerOwner, reserved, KEYS[4]) > 0 then free[#free + 1] = ARGV[at] end
end
return free
