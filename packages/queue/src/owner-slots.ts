// Which deployments of an owner are at work: have a job, or run. Slots are taken one by one, however many ask at once.

import type { Redis } from "ioredis";
import type { DeploymentStore } from "@slipway/core";
import type { RedisKeys } from "@slipway/protocol";

export interface OwnerSlotsOptions {
  readonly redis: Redis;
  readonly keys: RedisKeys;
  /** Of the keys that BullMQ keeps the deployments' jobs under. */
  readonly jobsPrefix: string;
  readonly deployments: Pick<DeploymentStore, "runningOfOwner">;
  /** How many an owner has. */
  readonly limit: number;
}

export interface OwnerSlots {
  /**
   * Takes a slot for a deployment whose job is about to be added. One that has a slot keeps it.
   * @returns how many others of the owner were at work before it; null when they have all slots.
   */
  take(ownerId: string, deploymentId: string): Promise<number | null>;
  /** Notes that the deployment's job is there: it has the slot until the job has ended, or is gone. */
  note(ownerId: string, deploymentId: string): Promise<void>;
  /** Gives back a slot for which no job was added. */
  free(ownerId: string, deploymentId: string): Promise<void>;
  hasFree(ownerId: string): Promise<boolean>;
}

/** So long a slot is kept for a job that is to be added: who took it may have died before that. */
const addingSeconds = 10;

/**
 * `atWork(last)` are the deployments in KEYS[1] in the order they came, up to `last`: those that have a job, scored 0, and those whose
 * job is to be added, scored with the time. It forgets the others.
 */
const definitions = `
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local function isAtWork(id, since)
  local made, ended = unpack(redis.call('HMGET', ARGV[1] .. id, 'timestamp', 'finishedOn'))
  if made then return not ended end
  return since + ${addingSeconds} > now
end
local function atWork(last)
  local found = {}
  local members = redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')
  for at = 1, #members, 2 do
    local id = members[at]
    if id == last then break end
    if isAtWork(id, members[at + 1]) then
      found[#found + 1] = id
    else
      redis.call('ZREM', KEYS[1], id)
    end
  end
  return found
end`;

/** KEYS the owner's slots; ARGV the prefix of jobs' keys. */
const listScript = `${definitions}
return atWork()`;

/** KEYS the owner's slots; ARGV the prefix of jobs' keys, the id. Answers whether it is new there, and what came before it. */
const takeScript = `${definitions}
local since = redis.call('ZSCORE', KEYS[1], ARGV[2])
local isNew = not since or not isAtWork(ARGV[2], since)
if isNew then redis.call('ZADD', KEYS[1], now, ARGV[2]) end
return { isNew and 1 or 0, atWork(ARGV[2]) }`;

/** KEYS the owner's slots; ARGV the id. One that has its job meanwhile, by another who asked at once, keeps its slot. */
const freeScript = `
local since = redis.call('ZSCORE', KEYS[1], ARGV[1])
if since and since + 0 > 0 then redis.call('ZREM', KEYS[1], ARGV[1]) end`;

export function ownerSlotsOf(options: OwnerSlotsOptions): OwnerSlots {
  const { redis, keys, jobsPrefix, deployments, limit } = options;
  const ask = (script: string, ownerId: string, ...values: string[]) =>
    redis.eval(script, 1, keys.ownerSlots(ownerId), jobsPrefix, ...values);

  /** With those that run without a job, since Redis lost it. */
  async function allAtWork(ownerId: string, told: readonly string[]): Promise<Set<string>> {
    return new Set([...told, ...(await deployments.runningOfOwner(ownerId))]);
  }

  const free = async (ownerId: string, deploymentId: string) => {
    await redis.eval(freeScript, 1, keys.ownerSlots(ownerId), deploymentId);
  };

  return {
    free,
    async take(ownerId, deploymentId) {
      // Of two who ask at once the later one sees the earlier one's, and not the other way round: one of them has the last slot.
      const [isNew, before] = (await ask(takeScript, ownerId, deploymentId)) as [0 | 1, string[]];
      const others = await allAtWork(ownerId, before);
      others.delete(deploymentId);
      if (others.size < limit) return others.size;
      if (isNew === 1) await free(ownerId, deploymentId);
      return null;
    },
    async note(ownerId, deploymentId) {
      await redis.zadd(keys.ownerSlots(ownerId), 0, deploymentId);
    },
    async hasFree(ownerId) {
      return (await allAtWork(ownerId, (await ask(listScript, ownerId)) as string[])).size < limit;
    },
  };
}
