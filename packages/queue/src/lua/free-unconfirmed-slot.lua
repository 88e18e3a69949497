-- Frees a slot that is not confirmed. A deployment whose job was added in the meantime, by a concurrent call, keeps its slot.
-- KEYS[1] the owner's slots; ARGV[1] deployment id
local unconfirmedSince = redis.call('ZSCORE', KEYS[1], ARGV[1])
if unconfirmedSince and unconfirmedSince ~= '-inf' and tonumber(unconfirmedSince) > 0 then redis.call('ZREM', KEYS[1], ARGV[1]) end
