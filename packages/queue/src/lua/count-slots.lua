-- Counts the owner's deployments at work.
-- KEYS[1] the owner's slots
-- ARGV[1] job key prefix, ARGV[2..] ids of running deployments
--- @include "owner-slots"
return countOthers('', 2)
