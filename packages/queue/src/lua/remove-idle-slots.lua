-- Removes the slots of deployments without a job, unless they were confirmed again after they were read.
-- KEYS[1] the owner's slots, see owner-slots.lua
-- ARGV: triples of a deployment id, the score that was read, and its job: "ended" or "gone"
--- @include "clock"
--- @include "unconfirmed"
local expired = nowMs() / 1000 - unconfirmedSeconds
for at = 1, #ARGV, 3 do
  local id, read, job = ARGV[at], ARGV[at + 1], ARGV[at + 2]
  local score = redis.call('ZSCORE', KEYS[1], id)
  local isUnconfirmed = job == 'gone' and read ~= '-inf' and tonumber(read) > expired
  if score == read and not isUnconfirmed then redis.call('ZREM', KEYS[1], id) end
end
