// Removes resources from a shared engine. Refused removals are retried for a limited time and do not stop the others.

import { setTimeout as pause } from "node:timers/promises";
import { reasonOf } from "../setup-error.ts";

/** One resource of an engine. */
interface Removable {
  name: string;
  remove: (abortSignal: AbortSignal) => Promise<unknown>;
}

/** A kind of resource, with the resources to remove. */
export interface Kind {
  /** Plural name of the kind, for display. */
  name: string;
  find: (abortSignal: AbortSignal) => Promise<Removable[]>;
}

export interface Removal {
  /** Number of removed resources of each kind, in the order of the kinds. */
  counts: [kind: string, count: number][];
  /** A line for each resource that the engine did not remove, with its reason. */
  left: string[];
}

export interface RemovalOptions {
  /** How long refused removals are retried. */
  retryLimitMs?: number;
}

/** On a busy machine, an engine takes this long to remove a container with a large file system. */
const defaultRetryLimitMs = 30_000;
const callLimitMs = 60_000;
const retryEveryMs = 250;
const notFound = 404;

/**
 * Removes the resources of each kind in turn: a container must go before the networks and volumes it uses. An engine refuses to
 * remove a resource that is in use, or that another client is removing. So everything is listed and removed again until nothing
 * is left or `retryLimitMs` have passed. A resource that no longer exists counts as removed. Never rejects.
 */
export async function removeAll(
  kinds: readonly Kind[],
  { retryLimitMs = defaultRetryLimitMs }: RemovalOptions = {},
): Promise<Removal> {
  const removed = new Map(kinds.map((kind) => [kind, new Set<string>()]));
  const deadline = Date.now() + retryLimitMs;
  for (;;) {
    const left: string[] = [];
    for (const [kind, names] of removed) left.push(...(await removeKind(kind, names)));
    if (left.length === 0 || Date.now() >= deadline) {
      return { counts: Array.from(removed, ([kind, names]) => [kind.name, names.size]), left };
    }
    await pause(retryEveryMs);
  }
}

/** Adds the names of removed resources to `removed`. @returns a line for each resource that is left. */
async function removeKind(kind: Kind, removed: Set<string>): Promise<string[]> {
  const found = await outcomeOf((signal) => kind.find(signal));
  if ("failure" in found) return [`${kind.name} cannot be listed: ${found.failure}`];
  const left = await Promise.all(
    found.value.map(async ({ name, remove }) => {
      const outcome = await outcomeOf(remove);
      if ("failure" in outcome && outcome.status !== notFound) return [`${name}: ${outcome.failure}`];
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
    if (limit.aborted) return { failure: `no answer within ${callLimitMs / 1000} s`, status };
    return { failure: (json?.message ?? reasonOf(error)).trim(), status };
  }
}
