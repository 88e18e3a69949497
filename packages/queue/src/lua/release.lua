-- Releases the claim of an app, unless another job has it.
local function releaseClaim(claimKey, jobId)
  if redis.call('GET', claimKey) == jobId then redis.call('DEL', claimKey) end
end
