-- Frees a slot for which no job was added, and releases the claim of its app.
-- KEYS[1] the owner's slots, see owner-slots.lua; KEYS[2] the app's claim; ARGV[1] deployment id
--- @include "free"
--- @include "release"
freeUnconfirmed(KEYS[1], ARGV[1])
releaseClaim(KEYS[2], ARGV[1])
