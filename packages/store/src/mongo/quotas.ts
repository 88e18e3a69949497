// Quotas in MongoDB: a write that increases a user's usage first claims the increase in the user's document, by compare-and-set.
//
// Usage is the stored data plus the claims of writes that are not stored yet. A check reads the claims, then the stored data, and then
// adds its own claim if no other claim was made or released in the meantime. So of two concurrent writes, one sees the other's
// claim or stored data.

import { randomUUID } from "node:crypto";
import { checkQuota } from "@slipway/core";
import type { Quotas, Usage } from "@slipway/core";
import type { Db } from "mongodb";
import { compareAndSet } from "./compare-and-set.ts";
import { insertIfMissing } from "./documents.ts";
import { isDuplicate } from "./failures.ts";
import { pauseAfterLostRace } from "./lost-race.ts";
import { amountsOf } from "./usage.ts";
import type { Amounts } from "./usage.ts";

/** The usage that a write adds: `amount` of a kind, for the app or source `id`. It replaces the stored usage of that id. */
export interface Addition {
  readonly kind: keyof Usage;
  readonly id: string;
  readonly amount: number;
}

interface Claim extends Addition {
  /** Identifies the claiming write, because another write may add usage for the same app. */
  readonly write: string;
  /** By the clock of the claiming process. The claim of a crashed process counts until then. */
  readonly until: Date;
}

interface QuotaDocument {
  /** The user's id. */
  readonly _id: string;
  readonly revision: number;
  readonly claims: readonly Claim[];
}

/** Longer than a write may take, plus the difference between clocks. */
const claimMs = 5 * 60_000;

const quotas = (database: Db) => database.collection<QuotaDocument>("quotas");

/**
 * Makes the write if the user's quotas allow its addition. Call it within `Connection.runInTurn` for the user.
 * @throws {SlipwayError} "quota-exceeded", without the write.
 */
export async function withinQuotas<Result>(
  { database, signal }: { readonly database: Db; readonly signal: AbortSignal },
  { ownerId, limits }: { readonly ownerId: string; readonly limits: Quotas | undefined },
  additions: readonly Addition[],
  write: () => Promise<Result>,
): Promise<Result> {
  if (limits === undefined) return write();
  const id = await claim(database, signal, { ownerId, limits }, additions);
  try {
    const result = await write();
    await release(database, ownerId, id);
    return result;
  } catch (error) {
    // Any other failed write may still be carried out, so its claim remains until it expires.
    if (isDuplicate(error)) await release(database, ownerId, id);
    throw error;
  }
}

/** @returns the id for releasing the claim. */
async function claim(
  database: Db,
  signal: AbortSignal,
  { ownerId, limits }: { readonly ownerId: string; readonly limits: Quotas },
  additions: readonly Addition[],
): Promise<string> {
  const write = randomUUID();
  for (let round = 0; ; round += 1) {
    await pauseAfterLostRace(round, signal);
    const found = await quotas(database).findOne({ _id: ownerId });
    const now = Date.now();
    const others = (found?.claims ?? []).filter(({ until }) => until.getTime() > now);
    const stored = await amountsOf(database, ownerId);
    for (const addition of additions) check(limits, addition, stored, others);
    const until = new Date(now + claimMs);
    const own = additions.map((addition) => ({ ...addition, write, until }));
    const next = { _id: ownerId, revision: (found?.revision ?? 0) + 1, claims: [...others, ...own] };
    const isStored =
      found === null
        ? await insertIfMissing(quotas(database), next)
        : await compareAndSet(quotas(database), next);
    if (isStored) return write;
  }
}

function check(limits: Quotas, addition: Addition, stored: Amounts, others: readonly Claim[]): void {
  const { kind, id, amount } = addition;
  const total = new Map(stored[kind]);
  if (amount <= (total.get(id) ?? 0)) return;
  for (const other of others)
    if (other.kind === kind) total.set(other.id, Math.max(total.get(other.id) ?? 0, other.amount));
  total.set(id, Math.max(total.get(id) ?? 0, amount));
  const wanted = [...total.values()].reduce((sum, each) => sum + each, 0);
  checkQuota(limits, kind, wanted);
}

async function release(database: Db, ownerId: string, write: string): Promise<void> {
  await quotas(database).updateOne({ _id: ownerId }, { $pull: { claims: { write } }, $inc: { revision: 1 } });
}
