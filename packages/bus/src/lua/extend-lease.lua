-- Extends a lease if the caller still holds it.
-- KEYS[1] lease   the token of its holder
-- ARGV[1] token
-- ARGV[2] leaseMs   0 ends the lease
-- Returns 1, or 0 when the lease has expired or another process holds it.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
