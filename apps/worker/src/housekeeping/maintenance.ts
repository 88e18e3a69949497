// Runs maintenance jobs: periodic work over all apps, and the removal of a deleted app.

import type { Bus } from "@slipway/bus";
import type { BlobStore, Store } from "@slipway/core";
import type { MaintenanceJob } from "@slipway/protocol";
import { reconcile } from "@slipway/queue";
import type { Lanes, ReconcileOptions } from "@slipway/queue";
import type { WorkerConfig } from "../config.ts";
import type { DeploymentPortsContext } from "../deployments/deployment-ports.ts";
import type { Announcer } from "../notifications/announce.ts";
import { agreedTime, cleanDeliveries, cleanOperations, cleanSources } from "./clean.ts";
import { closeOpenLogs } from "./close-open-logs.ts";
import { limitDisks } from "./limit-disks.ts";
import type { LimitDisksContext } from "./limit-disks.ts";
import { observeApps } from "./observe.ts";
import type { ObserveContext } from "./observe.ts";
import { removeOldDeployments } from "./retention.ts";
import type { RetentionContext } from "./retention.ts";
import { removeApp, resumeRemovals } from "./remove-apps.ts";
import type { RemoveAppContext } from "./remove-apps.ts";
import { sweepRollouts } from "./sweep-rollouts.ts";
import type { SweepRolloutsContext } from "./sweep-rollouts.ts";

type ReconcileContext = DeploymentPortsContext &
  Pick<ReconcileOptions, "work" | "onError"> & {
    readonly lanes: Lanes;
    readonly announcer: Pick<Announcer, "announce">;
    readonly config: { readonly timing: Pick<WorkerConfig["timing"], "leaseMs"> };
  };

type CleanAllContext = RetentionContext &
  Pick<Bus, "redis"> & {
    readonly store: Pick<Store, "deliveries" | "operations" | "sources">;
    readonly blobs: Pick<BlobStore, "clean" | "delete">;
  };

export type MaintenanceContext = ReconcileContext &
  SweepRolloutsContext &
  CleanAllContext &
  ObserveContext &
  LimitDisksContext &
  RemoveAppContext;

/** Idempotent. Rejects when the job failed. */
export async function runMaintenance(context: MaintenanceContext, job: MaintenanceJob): Promise<void> {
  switch (job.type) {
    case "remove-app":
      return removeApp(context, job.appId);
    case "observe-apps":
      return all([observeAll(context), closeOpenLogs(context)]);
    case "limit-files":
      return limitDisks(context, "files");
    case "sweep-rollouts":
      return sweepRollouts(context);
    case "clean-sources":
      return clean(context);
    case "reconcile":
      return reconcileAll(context);
  }
}

/** Observes instances after instances were restarted, also when a restart failed. */
async function observeAll(context: ObserveContext & LimitDisksContext): Promise<void> {
  try {
    await limitDisks(context, "bytes");
  } finally {
    await observeApps(context);
  }
}

/** All ages are computed at the start, because the worker's clock may change during the job. */
async function clean(context: CleanAllContext): Promise<void> {
  const time = await agreedTime(context);
  const timed = { ...context, now: () => time };
  await cleanSources(timed);
  await cleanDeliveries(timed);
  await cleanOperations(timed);
  await removeOldDeployments(timed);
  await context.blobs.clean();
}

/** Reconciles lanes, resumes removals and announces events. A failure of one does not prevent the others. */
export async function reconcileAll(context: ReconcileContext): Promise<void> {
  const { store, lanes, work, announcer, config, onError } = context;
  const { deployments, operations } = store;
  const { leaseMs } = config.timing;
  await all([
    reconcile({ deployments, operations, lanes, leaseMs, work, onError }),
    resumeRemovals(context, lanes),
    announcer.announce(),
  ]);
}

async function all(parts: readonly Promise<void>[]): Promise<void> {
  const outcomes = await Promise.allSettled(parts);
  const failures = outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [outcome.reason] : []));
  if (failures.length > 0)
    throw new AggregateError(failures, "a part of the maintenance failed; the next pass repeats it");
}
