// Which deployments of an owner are at work: have a job, or run. Slots are taken one by one, however many ask at once, and an app
// that gets none is remembered, so that the next one that is free is its.

import type { Redis } from "ioredis";
import type { Deployment, DeploymentStore } from "@slipway/core";
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

type Asking = Pick<Deployment, "id" | "appId" | "ownerId">;

export interface OwnerSlots {
  /**
   * Takes a slot for a deployment whose job is about to be added. One that has a slot keeps it.
   * @returns how many others of the owner are at work; null when they have all slots: then its app waits for one.
   */
  take(deployment: Asking): Promise<number | null>;
  /** Notes that the deployment's job is there: it has the slot until the job has ended, or is gone. */
  note(deployment: Asking): Promise<void>;
  /** Gives back a slot for which no job was added. */
  free(deployment: Asking): Promise<void>;
  hasFree(ownerId: string): Promise<boolean>;
  /** The apps that wait for a slot, in the order they came; some of them perhaps no more. */
  waitingApps(ownerId: string): Promise<string[]>;
  waitsNoMore(ownerId: string, appId: string): Promise<void>;
}

/** So long a slot is kept for a job that is to be added: who took it may have died before that. */
const addingSeconds = 10;

/**
 * KEYS[1] has those with a job, scored 0, and those whose job is to be added, scored with the time; ARGV[1] is the prefix of jobs' keys.
 * `othersAtWork(id, from)` counts all but that one, with those that run as the store says, in ARGV from there on; it forgets those
 * whose job has ended.
 */
const definitions = `
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local function jobOf(id)
  local made, ended = unpack(redis.call('HMGET', ARGV[1] .. id, 'timestamp', 'finishedOn'))
  if not made then return 'none' end
  return ended and 'ended' or 'live'
end
local function isAtWork(id, since)
  local job = jobOf(id)
  return job == 'live' or (job == 'none' and since + ${addingSeconds} > now)
end
local function othersAtWork(mine, from)
  local found, count = {}, 0
  local members = redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')
  for at = 1, #members, 2 do
    local id = members[at]
    found[id] = isAtWork(id, members[at + 1])
    if not found[id] then redis.call('ZREM', KEYS[1], id) end
    if found[id] and id ~= mine then count = count + 1 end
  end
  -- Redis lost the jobs of these, or that they have one. An ended job says more than the store, which was asked before.
  for at = from, #ARGV do
    local id = ARGV[at]
    if not found[id] and id ~= mine and jobOf(id) ~= 'ended' then count = count + 1 end
  end
  return count
end`;

/** KEYS the owner's slots; ARGV the prefix, those that run. */
const countScript = `${definitions}
return othersAtWork('', 2)`;

/** KEYS the owner's slots, its waiting apps; ARGV the prefix, the deployment's id, its app's, the limit, those that run. */
const takeScript = `${definitions}
local mine, appId, limit = ARGV[2], ARGV[3], tonumber(ARGV[4])
local count = othersAtWork(mine, 5)
local hasSlot = redis.call('ZSCORE', KEYS[1], mine)
if not hasSlot and count >= limit then
  redis.call('ZADD', KEYS[2], 'NX', now, appId)
  return nil
end
if not hasSlot then redis.call('ZADD', KEYS[1], now, mine) end
redis.call('ZREM', KEYS[2], appId)
return count`;

/** KEYS the owner's slots; ARGV the id. One that has its job meanwhile, by another who asked at once, keeps its slot. */
const freeScript = `
local since = redis.call('ZSCORE', KEYS[1], ARGV[1])
if since and since + 0 > 0 then redis.call('ZREM', KEYS[1], ARGV[1]) end`;

export function ownerSlotsOf(options: OwnerSlotsOptions): OwnerSlots {
  const { redis, keys, jobsPrefix, deployments, limit } = options;
  return {
    async take({ id, appId, ownerId }) {
      const places = [keys.ownerSlots(ownerId), keys.ownerWaiting(ownerId)];
      const running = await deployments.runningOfOwner(ownerId);
      const values = [jobsPrefix, id, appId, limit, ...running];
      return (await redis.eval(takeScript, places.length, ...places, ...values)) as number | null;
    },
    async note({ id, ownerId }) {
      await redis.zadd(keys.ownerSlots(ownerId), 0, id);
    },
    async free({ id, ownerId }) {
      await redis.eval(freeScript, 1, keys.ownerSlots(ownerId), id);
    },
    async hasFree(ownerId) {
      const running = await deployments.runningOfOwner(ownerId);
      const count = await redis.eval(countScript, 1, keys.ownerSlots(ownerId), jobsPrefix, ...running);
      return Number(count) < limit;
    },
    waitingApps: (ownerId) => redis.zrange(keys.ownerWaiting(ownerId), 0, "-1"),
    async waitsNoMore(ownerId, appId) {
      await redis.zrem(keys.ownerWaiting(ownerId), appId);
    },
  };
}
