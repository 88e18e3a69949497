-- A slot whose job is not confirmed is kept for this long: its holder may be about to add the job, or may have crashed before it did.
local unconfirmedSeconds = 10
