// Removes things from an engine that others use at the same time: a refusal is retried for a while, and stops nothing else.
import { setTimeout as pause } from "node:timers/promises";
import { reasonOf } from "./setup-error.ts";

/** One thing on an engine. */
interface Removable {
  name: string;
  remove: (abortSignal: AbortSignal) => Promise<unknown>;
}

/** A kind of things, and which of them are to be removed. */
export interface Kind {
  /** In the plural, for people. */
  name: string;
  find: (abortSignal: AbortSignal) => Promise<Removable[]>;
}

export interface Removal {
  /** How many things of each kind are gone, in the order of the kinds. */
  counts: [kind: string, count: number][];
  /** A line for each thing that the engine did not remove, with its reason. */
  left: string[];
}

export interface RemovalOptions {
  /** How long refusals are retried. */
  patienceMs?: number;
}

/** An engine on a busy machine takes this long to remove a container with a large file system. */
const defaultPatienceMs = 30_000;
const callLimitMs = 60_000;
const retryEveryMs = 250;
const gone = 404;

/**
 * Removes what the kinds find, in their order: what a container uses cannot go before it. An engine refuses what is in use,
 * and what somebody else is removing at the moment; so everything is listed and removed again until nothing is left or
 * `patienceMs` have passed. Something that is gone already counts as removed. Never rejects.
 */
export async function removeAll(
  kinds: readonly Kind[],
  { patienceMs = defaultPatienceMs }: RemovalOptions = {},
): Promise<Removal> {
  const removed = new Map(kinds.map((kind) => [kind, new Set<string>()]));
  const deadline = Date.now() + patienceMs;
  for (;;) {
    const left: string[] = [];
    for (const [kind, names] of removed) left.push(...(await removeKind(kind, names)));
    if (left.length === 0 || Date.now() >= deadline) {
      return { counts: Array.from(removed, ([kind, names]) => [kind.name, names.size]), left };
    }
    await pause(retryEveryMs);
  }
}

/** Adds the names of those that are gone to `removed`. @returns a line for each that is not. */
async function removeKind(kind: Kind, removed: Set<string>): Promise<string[]> {
  const found = await outcomeOf((signal) => kind.find(signal));
  if ("failure" in found) return [`${kind.name} cannot be listed: ${found.failure}`];
  const left = await Promise.all(
    found.value.map(async ({ name, remove }) => {
      const outcome = await outcomeOf(remove);
      if ("failure" in outcome && outcome.status !== gone) return [`${name}: ${outcome.failure}`];
      removed.add(name);
      return [];
    }),
  );
  return left.flat();
}

type Outcome<T> = { value: T } | { failure: string; status: number | undefined };

async function outcomeOf<T>(call: (abortSignal: AbortSignal) => Promise<T>): Promise<Outcome<T>> {
  const limit = AbortSignal.timeout(callLimitMs);
  try {
    return { value: await call(limit) };
  } catch (error) {
    const { statusCode: status, json } = error as { statusCode?: number; json?: { message?: string } | null };
    if (limit.aborted) return { failure: `not done within ${callLimitMs / 1000} s`, status };
    return { failure: (json?.message ?? reasonOf(error)).trim(), status };
  }
}
