-- Frees a reserved slot. A deployment whose job was added meanwhile, by a concurrent call, keeps its slot.
-- KEYS[1] the owner's slots; ARGV[1] deployment id
local reservedAt = redis.call('ZSCORE', KEYS[1], ARGV[1])
if reservedAt and reservedAt ~= '-inf' and tonumber(reservedAt) > 0 then redis.call('ZREM', KEYS[1], ARGV[1]) end
