-- Counts the owner's deployments at work.
-- KEYS[1] the owner's slots
-- ARGV[1..] ids of running deployments
--- @include "owner-slots"
return countOthers('', 1)
