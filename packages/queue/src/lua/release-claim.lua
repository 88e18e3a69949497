-- KEYS[1] the app's claim; ARGV[1] job id
--- @include "release"
releaseClaim(KEYS[1], ARGV[1])
