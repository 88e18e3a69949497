// Waits for writes to the registry that began before a garbage collection. Long writes are awaited before pushes are held, so that
// one slow push does not hold up all others.

import { poll } from "@slipway/async";
import { countRegistryWriters, settleMs } from "@slipway/bus";
import type { RedisConnection, RegistryHold, WriterCount } from "@slipway/bus";
import type { RedisKeys } from "@slipway/protocol";
import type { Step } from "../progress.ts";
import { SetupError } from "../setup-error.ts";

const pollMs = 500;
/** A write that has taken this long may take as long as a build. */
const longMs = 60_000;
/** Time limit for waiting for slow pushes, which may follow each other endlessly. */
const beforeLimitMs = 60 * 60_000;
/** Time limit for pushes that have begun, while others wait. */
const heldLimitMs = 3 * 60_000;

/** Runs before pushes are held. A worker that crashed during a push remains listed for minutes. @throws {SetupError} after an hour. */
export async function withoutLongWriters(
  redis: RedisConnection,
  keys: RedisKeys,
  { report }: Pick<Step, "report">,
  signal: AbortSignal,
): Promise<void> {
  let count = await countRegistryWriters(redis, keys);
  if (isShort(count)) return;
  if (count.silent > 0)
    report("a worker crashed or froze in a push: waiting until it continues, or for 5 minutes …");
  else report(`waiting for ${described(count)}, before others are held up …`);
  const none = async () => {
    count = await countRegistryWriters(redis, keys);
    return isShort(count);
  };
  if ((await poll(none, { everyMs: pollMs, limitMs: beforeLimitMs, signal })) === true) return;
  throw new SetupError(
    `For ${beforeLimitMs / 60_000} minutes there were pushes that take long, now ${described(count)}; nothing was delayed or deleted: repeat this later.`,
  );
}

function isShort({ silent, oldestMs }: WriterCount): boolean {
  return silent === 0 && oldestMs < longMs;
}

/** Runs while pushes are held. @throws {SetupError} when writes that began earlier do not end, or the hold is lost. */
export async function withoutWriters(
  hold: Pick<RegistryHold, "extend" | "writers">,
  signal: AbortSignal,
  limitMs = heldLimitMs,
): Promise<void> {
  const heldAt = performance.now();
  let count: WriterCount = { all: 0, silent: 0, oldestMs: 0 };
  const left = async () => {
    if (!(await hold.extend()))
      throw new SetupError("The hold on pushes was lost, because Redis lost its data: repeat this.");
    count = await hold.writers();
    return performance.now() - heldAt >= settleMs && count.all === 0;
  };
  if ((await poll(left, { everyMs: pollMs, limitMs, signal })) === true) return;
  throw new SetupError(
    `Pushes that began before have not ended within ${limitMs / 60_000} minutes: ${described(count)}. Nothing was deleted, and pushes continue: repeat this later.`,
  );
}

function described({ all, oldestMs }: WriterCount): string {
  return `${all} writes to the registry, the oldest for ${Math.round(oldestMs / 1_000)} s`;
}
