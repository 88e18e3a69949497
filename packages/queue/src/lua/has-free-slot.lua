-- Returns 1 if the owner has a free slot, otherwise 0.
-- KEYS[1] the owner's slots, KEYS[2] the fleet's capacity
-- ARGV[1] slots per owner, ARGV[2] reserved slots, ARGV[3..] ids of running deployments
--- @include "slot-limit"
--- @include "owner-slots"
local count, built = countOthers('', 3)
if freeSlots(count, built, tonumber(ARGV[1]), tonumber(ARGV[2]), KEYS[2]) > 0 then return 1 end
return 0
