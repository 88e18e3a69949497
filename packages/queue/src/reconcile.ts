// Repairs the lanes after a lost message, a crashed worker or the loss of Redis's data: afterwards every lane advances, and every
// running item has a job.

import { SlipwayError } from "@slipway/core";
import type { LaneEntry, LaneHeads } from "@slipway/core";
import { count } from "@slipway/telemetry";
import { laneKinds } from "./lane-kinds.ts";
import type { LaneItem, LaneKind, LaneStores } from "./lane-kinds.ts";
import type { LaneJobState } from "./lane-queues.ts";
import { attemptLimit, workersDied } from "./lanes.ts";
import type { Lanes } from "./lanes.ts";
import type { LaneWork } from "./lane-task.ts";

export interface ReconcileOptions extends LaneStores {
  readonly lanes: Lanes;
  /** How long an item without a job is left to its worker, which may not have noticed the loss yet. */
  readonly leaseMs: number;
  /** Ends items whose jobs have failed finally. */
  readonly work: { readonly [Type in LaneItem["type"]]: Pick<LaneWork, "exhaust"> };
  /** Called with each failed repair. The other repairs continue, and the next pass tries again. */
  readonly onError: (error: unknown, message: string) => void;
}

/** Number of lane heads read at once: reading more would block the event loop for too long. */
const headsRead = 1_000;

/** Runs a repair. A failed repair, for example because of an unreachable engine, does not delay the others. */
type Repair = (subject: string, work: () => Promise<void>) => Promise<void>;

/** Idempotent, and safe to run on several workers at once. Reads in bulk, and writes only missing data. */
export async function reconcile(options: ReconcileOptions): Promise<void> {
  const repair: Repair = async (subject, work) => {
    try {
      await work();
    } catch (error) {
      options.onError(error, `cannot repair ${subject}`);
    }
  };
  const kinds = laneKinds(options);
  for (const kind of kinds) await resumeRunning(options, kind, repair);
  for (const kind of kinds) await advanceStranded(options, kind, repair);
}

/** Gives each running item without a job a new one, or ends it. */
async function resumeRunning(options: ReconcileOptions, kind: LaneKind, repair: Repair): Promise<void> {
  const items = await kind.allRunning();
  const states = await options.lanes.jobStates(items.map(({ id }) => id));
  for (const [index, item] of items.entries()) {
    const state = states[index] ?? "gone";
    if (state !== "live")
      await repair(`${kind.noun} ${item.id}`, () => resume(options, kind, { ...item, state }));
  }
}

async function advanceStranded(options: ReconcileOptions, kind: LaneKind, repair: Repair): Promise<void> {
  const { lanes } = options;
  const owners = new Set<string>();
  for (let after: string | null = ""; after !== null;) {
    const { heads, next }: LaneHeads = await kind.heads(after, headsRead);
    const stranded = await lanes.findStranded(heads);
    for (const { id, appId } of stranded.heads) {
      await repair(`the lane of app ${appId}`, async () => {
        // Otherwise a head with an ended job (it was requeued, or Redis and store disagree) could not get a new job under its id.
        await lanes.removeJob(id);
        await lanes.advance(appId);
      });
    }
    for (const ownerId of stranded.owners) owners.add(ownerId);
    after = next;
  }
  // Done after all apps of an owner are recorded as waiting: the one that has waited longest goes first.
  for (const ownerId of await lanes.withFreeSlot([...owners]))
    await repair(`the lanes of owner ${ownerId}`, () => lanes.advanceWaiting(ownerId));
}

async function resume(
  { lanes, leaseMs, work }: ReconcileOptions,
  kind: LaneKind,
  { id, revision, state }: LaneEntry & { readonly state: LaneJobState },
): Promise<void> {
  const item = await kind.get(id);
  // If the item changed after its job was looked up, a worker is running it.
  if (item === null || item.revision !== revision) return;
  if (state === "failed" || item.attempt >= attemptLimit) {
    const reason = await lanes.failureReasonOf(id);
    const error = reason === undefined ? workersDied() : new SlipwayError("internal", reason);
    await work[item.type].exhaust(id, error);
    count("slipway_reconciler_repairs_total", { kind: kind.noun, repair: "ended" });
    return;
  }
  await lanes.removeJob(id);
  await lanes.requeue(item, state === "gone" ? leaseMs : 0);
  count("slipway_reconciler_repairs_total", { kind: kind.noun, repair: "requeued" });
}
