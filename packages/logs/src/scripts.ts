// The Lua scripts of a log in Redis: an attempt takes the log over, and only that attempt can append to it.

import { createHash } from "node:crypto";
import type { Redis } from "ioredis";

/** The expiry of keys whose deployment never ends. */
const expirySeconds = 24 * 60 * 60;

/** Values that the scripts return in place of a line number. */
export const rejected = { stale: -1, gap: -2 } as const;

interface Script {
  readonly lua: string;
  readonly sha1: string;
}

/**
 * KEYS head, tail; ARGV attempt, storedSeq.
 * Makes the attempt the only one that may append. When Redis lost data and has less than the store, the log continues after the
 * store's last line. Returns the number of the last line, or `stale` when a newer attempt owns the log.
 */
const takeOver = script(`
local head = redis.call('HMGET', KEYS[1], 'attempt', 'lastSeq')
local attempt, stored = tonumber(ARGV[1]), tonumber(ARGV[2])
if head[1] and tonumber(head[1]) > attempt then return ${rejected.stale} end
local last = head[2] and tonumber(head[2]) or 0
if not head[2] or last < stored or (last > 0 and redis.call('EXISTS', KEYS[2]) == 0) then
  redis.call('DEL', KEYS[2])
  last = stored
end
redis.call('HSET', KEYS[1], 'attempt', ARGV[1], 'lastSeq', last)
redis.call('EXPIRE', KEYS[1], ${expirySeconds})
if last > 0 then redis.call('EXPIRE', KEYS[2], ${expirySeconds}) end
return last
`);

/**
 * KEYS head, tail; ARGV attempt, firstSeq, lineCount, channel, message, trimBefore.
 * Removes batches that begin before `trimBefore`, appends a batch and publishes it. Repeating the call, as after a lost
 * connection, changes and publishes nothing. Returns the number of the last line, `stale` when a newer attempt owns the log, or
 * `gap` when the batch does not follow the last line.
 */
const append = script(`
local head = redis.call('HMGET', KEYS[1], 'attempt', 'lastSeq')
if not head[1] then return ${rejected.gap} end
local owner, attempt = tonumber(head[1]), tonumber(ARGV[1])
if owner > attempt then return ${rejected.stale} end
if owner < attempt then return ${rejected.gap} end
local last, first = tonumber(head[2]), tonumber(ARGV[2])
local final = first + tonumber(ARGV[3]) - 1
if final <= last then return last end
if first ~= last + 1 then return ${rejected.gap} end
if ARGV[6] ~= '0' then redis.call('XTRIM', KEYS[2], 'MINID', ARGV[6]) end
redis.call('XADD', KEYS[2], first .. '-' .. ARGV[3], 'm', ARGV[5])
redis.call('HSET', KEYS[1], 'lastSeq', final)
if redis.call('TTL', KEYS[2]) < 0 then redis.call('EXPIRE', KEYS[2], ${expirySeconds}) end
redis.call('PUBLISH', ARGV[4], ARGV[5])
return final
`);

export const logScripts = { takeOver, append } as const;

/** Runs a script by its hash, or by its text when the server has not cached it. @returns the script's integer. */
export async function runScript(
  redis: Redis,
  { lua, sha1 }: Script,
  keys: readonly string[],
  values: readonly (string | number)[],
): Promise<number> {
  try {
    return Number(await redis.evalsha(sha1, keys.length, ...keys, ...values));
  } catch (error) {
    if (!(error instanceof Error) || !error.message.startsWith("NOSCRIPT")) throw error;
    return Number(await redis.eval(lua, keys.length, ...keys, ...values));
  }
}

function script(lua: string): Script {
  return { lua, sha1: createHash("sha1").update(lua).digest("hex") };
}
