// Pauses writes to the registry while its garbage is collected. A writer joins a group and then checks for a hold; a collection sets
// the hold and then waits until the group is empty. In either order, at least one of the two sees the other.

import { randomUUID } from "node:crypto";
import { pause, untilAborted } from "@slipway/async";
import { SlipwayError } from "@slipway/core";
import type { RedisKeys } from "@slipway/protocol";
import type { RedisConnection } from "./connect.ts";
import { joinPresence, listMembers } from "./presence.ts";
import type { Presence } from "./presence.ts";
import { loadScript, runScript } from "./script.ts";

const extendScript = loadScript("extendLease", new URL("lua/extend-lease.lua", import.meta.url), 1);
const beatMs = 5_000;
/** A writer without heartbeats for longer is removed. A process may freeze for a minute and continue. */
const forgetAfterMs = 300_000;
/** A writer that missed two heartbeats has crashed, is frozen, or has lost its connection. */
const silentAfterMs = 3 * beatMs;
const holdMs = 60_000;
const pollMs = 500;

/** Minimum age of the hold: if Redis lost its data, each writer is listed again with its next heartbeat. */
export const settleMs = 2 * beatMs;

export interface RegistryWritesOptions {
  readonly redis: RedisConnection;
  readonly keys: RedisKeys;
  /** Receives failed heartbeats, which are repeated at the next interval. */
  readonly onError: (error: unknown) => void;
}

export interface RegistryWrites {
  /**
   * Runs a push or a deletion after waiting for any garbage collection. At its end, everything it uploads must be part of an image.
   * @param onHeld called once if the write has to wait.
   * @throws {SlipwayError} "registry-unavailable" when this process was suspended for so long that a collection may have started
   * meanwhile; the signal's reason; the error of the work.
   */
  during<T>(work: () => Promise<T>, signal: AbortSignal, onHeld?: () => void): Promise<T>;
  /** Whether a garbage collection holds writes now. */
  isHeld(): Promise<boolean>;
}

export interface RegistryHold extends AsyncDisposable {
  /** Counts the current writers; `silent` is the number of those without heartbeats. */
  writers(): Promise<WriterCount>;
  /** Extends the hold. @returns false when it was lost, so writes have started again. */
  extend(): Promise<boolean>;
}

export interface WriterCount {
  readonly all: number;
  readonly silent: number;
  /** Duration of the longest current write; 0 without any. */
  readonly oldestMs: number;
}

/** Coordinates this process's writes to the registry with garbage collections. */
export function openRegistryWrites(options: RegistryWritesOptions): RegistryWrites {
  return {
    async during(work, signal, onHeld = () => undefined) {
      await using writer = await enter(options, signal, onHeld);
      const result = await work();
      writer.requireHeartbeats();
      return result;
    },
    isHeld: async () => (await options.redis.exists(options.keys.registryHold)) === 1,
  };
}

/** Takes the hold. It ends when disposed of, or a minute after the last `extend`. @returns null when another process has it. */
export async function holdRegistryWrites(
  redis: RedisConnection,
  keys: RedisKeys,
): Promise<RegistryHold | null> {
  const token = randomUUID();
  const extend = async (ms: number) =>
    (await runScript(redis, extendScript, [keys.registryHold], [token, ms])) === 1;
  if ((await redis.set(keys.registryHold, token, "PX", holdMs, "NX")) === null) return null;
  return {
    writers: () => countRegistryWriters(redis, keys),
    extend: () => extend(holdMs),
    async [Symbol.asyncDispose]() {
      await extend(0);
    },
  };
}

/** Counts the processes' current writes to the registry. */
export async function countRegistryWriters(redis: RedisConnection, keys: RedisKeys): Promise<WriterCount> {
  const { nowMs, members } = await listMembers(redis, groupOf(keys));
  const listed = members
    .map(({ seenAtMs, record }) => ({
      silenceMs: nowMs - seenAtMs,
      ageMs: nowMs - seenAtMs + Number(record),
    }))
    .filter(({ silenceMs }) => silenceMs <= forgetAfterMs);
  return {
    all: listed.length,
    silent: listed.filter(({ silenceMs }) => silenceMs > silentAfterMs).length,
    oldestMs: Math.max(0, ...listed.map(({ ageMs }) => ageMs)),
  };
}

interface Writer extends AsyncDisposable {
  requireHeartbeats(): void;
}

async function enter(
  options: RegistryWritesOptions,
  signal: AbortSignal,
  onHeld: () => void,
): Promise<Writer> {
  for (let hasWaited = false; ; hasWaited = true) {
    await using entered = new AsyncDisposableStack();
    const { presence, requireHeartbeats } = join(options);
    entered.use(presence);
    await untilAborted(presence.joined, signal);
    requireHeartbeats();
    const hold = await untilAborted(options.redis.exists(options.keys.registryHold), signal);
    if (hold === 0) {
      const joined = entered.move();
      return { requireHeartbeats, [Symbol.asyncDispose]: () => joined.disposeAsync() };
    }
    await entered.disposeAsync();
    if (!hasWaited) onHeld();
    await untilReleased(options, signal);
  }
}

async function untilReleased({ redis, keys }: RegistryWritesOptions, signal: AbortSignal): Promise<void> {
  while ((await untilAborted(redis.exists(keys.registryHold), signal)) === 1) await pause(pollMs, signal);
}

function join({ redis, keys, onError }: RegistryWritesOptions): {
  readonly presence: Presence;
  readonly requireHeartbeats: () => void;
} {
  const joinedAt = performance.now();
  let beatenAt: number | undefined;
  let longestMs = 0;
  const note = (at: number) => {
    longestMs = Math.max(longestMs, at - (beatenAt ?? at));
    beatenAt = at;
  };
  const presence = joinPresence({
    redis,
    keys: groupOf(keys),
    id: randomUUID(),
    beatMs,
    forgetAfterMs,
    // The write's duration by this machine's own clock, so that clocks of different machines are not compared.
    record: () => String(Math.round(performance.now() - joinedAt)),
    afterBeat: async () => note(performance.now()),
    onError,
  });
  const requireHeartbeats = () => {
    if (beatenAt === undefined)
      throw new SlipwayError("queue-unavailable", "Redis did not record a write to the registry");
    if (Math.max(longestMs, performance.now() - beatenAt) < forgetAfterMs) return;
    throw new SlipwayError(
      "registry-unavailable",
      `a write to the registry was suspended for more than ${forgetAfterMs / 1_000} s, so what it uploaded may have been removed`,
    );
  };
  return { presence, requireHeartbeats };
}

function groupOf({ registryWriters, registryWriterRecords }: RedisKeys) {
  return { seen: registryWriters, records: registryWriterRecords };
}
