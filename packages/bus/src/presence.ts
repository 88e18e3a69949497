// Presence over Redis: members send heartbeats, and any process can list the members. All times are by Redis's clock.

import { contain, withDeadline } from "@slipway/async";
import type { RedisConnection } from "./connect.ts";
import { loadScript, runScript } from "./script.ts";

const beatScript = loadScript("beat", new URL("lua/beat.lua", import.meta.url), 2);
const membersScript = loadScript("members", new URL("lua/members.lua", import.meta.url), 2);
/** Time limit for leaving: a Redis that does not respond must not delay the end of a process. */
const leaveLimitMs = 2_000;

/** The Redis keys of a group of members. Both must be in one hash slot. */
export interface PresenceKeys {
  /** A sorted set of member ids, scored with the time of their last heartbeat. */
  readonly seen: string;
  /** A hash of the members' records; empty for groups without records. */
  readonly records: string;
}

export interface PresenceOptions {
  readonly redis: RedisConnection;
  readonly keys: PresenceKeys;
  readonly id: string;
  readonly beatMs: number;
  /** After this long without a heartbeat, a member is removed by the next heartbeat of any other member. */
  readonly forgetAfterMs: number;
  /** Returns the member's record, called for each heartbeat. */
  readonly record?: () => string;
  /** Runs after each heartbeat. */
  readonly afterBeat?: () => Promise<void>;
  /**
   * Runs with each heartbeat: its commands follow the heartbeat's on the connection without waiting for the response, so that the process
   * wakes up once for all of them. @param sent resolves when the heartbeat has been received.
   */
  readonly alongside?: (sent: Promise<unknown>) => Promise<void>;
  readonly onError: (error: unknown) => void;
}

/** Disposing it removes the member at once. */
export interface Presence extends AsyncDisposable {
  /** Resolves after the first heartbeat, even if it failed. */
  readonly joined: Promise<void>;
  /** Sends a heartbeat now, because the record has changed. */
  beat(): void;
}

export interface Member {
  readonly id: string;
  readonly record: string;
  readonly seenAtMs: number;
}

/** Joins a group. After an outage of Redis, or the loss of its data, the next heartbeat restores the member. */
export function joinPresence(options: PresenceOptions): Presence {
  const {
    redis,
    keys,
    id,
    beatMs,
    forgetAfterMs,
    record = () => "",
    afterBeat,
    alongside,
    onError,
  } = options;
  let beating: Promise<void> | undefined;
  let isOutdated = false;

  async function send(): Promise<void> {
    do {
      isOutdated = false;
      const sent = runScript(redis, beatScript, [keys.seen, keys.records], [id, record(), forgetAfterMs]);
      await Promise.all([sent, alongside?.(sent)]);
      await afterBeat?.();
    } while (isOutdated);
  }

  /** One heartbeat at a time: while Redis does not respond they must not pile up. */
  function beat(): Promise<void> {
    isOutdated = true;
    beating ??= send()
      .catch(onError)
      .finally(() => {
        beating = undefined;
      });
    return beating;
  }

  async function leave(): Promise<void> {
    await beating;
    await redis.multi().zrem(keys.seen, id).hdel(keys.records, id).exec();
  }

  const joined = beat();
  const timer = setInterval(contain(beat, onError), beatMs);
  return {
    joined,
    beat: () => void beat(),
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await withDeadline(leave(), { limitMs: leaveLimitMs }).catch(onError);
    },
  };
}

/** All members that have not been removed, and Redis's time of the answer. */
export async function listMembers(
  redis: RedisConnection,
  { seen, records }: PresenceKeys,
): Promise<{ readonly nowMs: number; readonly members: Member[] }> {
  const [nowMs, recordList, seenList] = (await runScript(redis, membersScript, [seen, records], [])) as [
    number,
    string[],
    string[],
  ];
  const recordOf = new Map(pairsOf(recordList));
  const members = pairsOf(seenList).map(([id, seenAtMs]) => ({
    id,
    record: recordOf.get(id) ?? "",
    seenAtMs: Number(seenAtMs),
  }));
  return { nowMs, members };
}

/** Pairs of keys and values, or of members and scores, from the flat list in which Redis returns them. */
function pairsOf(flat: readonly string[]): [string, string][] {
  return Array.from({ length: flat.length / 2 }, (_, at) => [flat[2 * at] ?? "", flat[2 * at + 1] ?? ""]);
}
