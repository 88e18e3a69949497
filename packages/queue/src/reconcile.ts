// Repairs what a lost message, a dead worker or a Redis that lost its data left behind: every lane advances, and every running
// item has a job.

import { SlipwayError } from "@slipway/core";
import { laneKinds } from "./lane-kinds.ts";
import type { LaneItem, LaneKind, LaneStores } from "./lane-kinds.ts";
import { attemptLimit, workersDied } from "./lanes.ts";
import type { Lanes } from "./lanes.ts";
import type { LaneWork } from "./lane-worker.ts";

export interface ReconcileOptions extends LaneStores {
  readonly lanes: Lanes;
  /** How long a worker may hold an item whose job is gone without noticing: the item is left to it for that long. */
  readonly leaseMs: number;
  /** Ends items whose job has failed for good. */
  readonly work: { readonly [Type in LaneItem["type"]]: Pick<LaneWork, "exhaust"> };
  /** Called with what could not be repaired; the rest is, and the next pass tries again. */
  readonly onError: (error: unknown, message: string) => void;
}

/** Idempotent, and safe to run on several workers at once. */
export async function reconcile(options: ReconcileOptions): Promise<void> {
  const { lanes } = options;
  const kinds = laneKinds(options);
  // One item that cannot be repaired, because an engine is away for instance, must not hold up the others.
  const repair = async (subject: string, work: () => Promise<void>) => {
    try {
      await work();
    } catch (error) {
      options.onError(error, `cannot repair ${subject}`);
    }
  };
  for (const kind of kinds) {
    for (const item of await kind.allRunning())
      await repair(`${kind.noun} ${item.id}`, () => resume(options, kind, item));
  }
  const waiting = await Promise.all(kinds.map((kind) => kind.waitingApps()));
  for (const appId of new Set(waiting.flat())) {
    await repair(`the lane of app ${appId}`, async () => {
      const heads = await Promise.all(kinds.map((kind) => kind.head(appId)));
      // A head with an ended job (it was requeued, or Redis and store disagree) could get no new job under its id.
      for (const head of heads) if (head !== null) await lanes.removeJob(head.id);
      await lanes.advance(appId);
    });
  }
}

/** Gives a running item without a job a new one, or ends it. */
async function resume(
  { lanes, leaseMs, work }: ReconcileOptions,
  kind: LaneKind,
  item: LaneItem,
): Promise<void> {
  const state = await lanes.jobState(item.id);
  // A change since its job was looked up means that a worker runs it.
  if (state === "live" || (await kind.get(item.id))?.revision !== item.revision) return;
  if (state === "failed" || item.attempt >= attemptLimit) {
    const reason = await lanes.failureOf(item.id);
    const error = reason === undefined ? workersDied() : new SlipwayError("internal", reason);
    await work[item.type].exhaust(item.id, error);
    return;
  }
  await lanes.removeJob(item.id);
  await lanes.requeue(item, state === "gone" ? leaseMs : 0);
}
