-- Claims an app for a job without a slot, see claim.lua.
-- KEYS[1] the app's claim, KEYS[2] the start of the keys of the job's queue, KEYS[3] of the other queue
-- ARGV[1] app id, ARGV[2] job id, ARGV[3] duration of the claim in milliseconds
--- @include "claim"
return claimApp(KEYS[1], KEYS[2], KEYS[3], ARGV[1], ARGV[2], ARGV[3])
