// Removes the build containers of dead attempts from this worker's engine, and snapshots and pulled images that are not needed.

import { isFinal, label } from "@slipway/core";
import type { App, BuildEngine, Deployment, Labels, Snapshot, Store } from "@slipway/core";
import type { Logger } from "@slipway/service";
import type { WorkerConfig } from "../config.ts";
import type { EgressGuard } from "../egress/guard-egress.ts";

export interface SweepSandboxesContext {
  readonly engine: Pick<BuildEngine, "listSandboxes" | "removeSandboxes">;
  readonly store: { readonly deployments: Pick<Store["deployments"], "get"> };
  readonly now: () => Date;
}

export interface SweepSnapshotsContext {
  readonly engine: Pick<BuildEngine, "listSnapshots" | "snapshotLastUsedAt" | "removeSnapshot">;
  readonly store: { readonly apps: Pick<Store["apps"], "many"> };
  readonly config: { readonly limits: Pick<WorkerConfig["limits"], "snapshotsBytes"> };
}

export interface SweepUserImagesContext {
  readonly engine: Pick<BuildEngine, "pruneUserImages">;
  readonly config: Pick<WorkerConfig, "cnbBuilder" | "stacks"> & {
    readonly limits: Pick<WorkerConfig["limits"], "pulledImagesBytes">;
  };
}

/**
 * Sweeps this worker's engine periodically, and checks the egress guard. The disposal stops this, but does not wait for a running sweep.
 */
export function startSweeps(
  context: SweepSandboxesContext &
    SweepSnapshotsContext &
    SweepUserImagesContext & {
      readonly logger: Pick<Logger, "warn">;
      readonly egress: Pick<EgressGuard, "check">;
    },
  everyMs: number,
): Disposable {
  const warn = (message: string) => (error: unknown) => context.logger.warn({ err: error }, message);
  const timer = setInterval(() => {
    context.egress.check().catch(warn("cannot restore the egress guard of builds and releases"));
    sweepSandboxes(context).catch(warn("cannot sweep the engine"));
    sweepSnapshots(context).catch(warn("cannot sweep snapshots"));
    sweepUserImages(context).catch(warn("cannot sweep images that were pulled for apps"));
  }, everyMs);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

/** Removes build containers of ended attempts, and expired ones, on this worker's engine, including containers of other workers. */
export async function sweepSandboxes({ engine, store, now }: SweepSandboxesContext): Promise<void> {
  for (const labels of await engine.listSandboxes()) {
    const expiresAt = labels[label.expiresAt];
    if (expiresAt !== undefined) {
      if (now().getTime() > Number(expiresAt)) await engine.removeSandboxes(labels);
      continue;
    }
    const deployment = await store.deployments.get(labels[label.deployment] ?? "");
    if (hasEnded(deployment, labels)) await engine.removeSandboxes(labels);
  }
}

/**
 * Removes snapshots of deleted apps and of deleted caches from this worker's engine. While the remaining snapshots exceed the limit,
 * removes the least recently used.
 */
export async function sweepSnapshots({ engine, store, config }: SweepSnapshotsContext): Promise<void> {
  const { snapshotsBytes } = config.limits;
  const listed = await engine.listSnapshots();
  const apps = await appsById(store, listed);
  const isNeeded = ({ appId, cacheVersion }: Snapshot) => {
    const app = apps.get(appId);
    return app !== undefined && app.deletedAt === null && app.cacheVersion === cacheVersion;
  };
  for (const snapshot of listed) if (!isNeeded(snapshot)) await engine.removeSnapshot(snapshot);
  const needed = listed.filter(isNeeded);
  // Reading each last use costs a request to the engine, so it is read only if the decision depends on it.
  if (totalBytes(needed) <= snapshotsBytes) return;
  let keptBytes = 0;
  for (const snapshot of await latestFirst(engine, needed)) {
    keptBytes += snapshot.sizeBytes;
    if (keptBytes > snapshotsBytes) await engine.removeSnapshot(snapshot);
  }
}

function totalBytes(snapshots: readonly Snapshot[]): number {
  return snapshots.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}

/** The snapshots ordered by last use. Snapshots that were removed in the meantime are left out. */
async function latestFirst(
  engine: Pick<BuildEngine, "snapshotLastUsedAt">,
  snapshots: readonly Snapshot[],
): Promise<Snapshot[]> {
  const found: { readonly snapshot: Snapshot; readonly usedAt: Date }[] = [];
  for (const snapshot of snapshots) {
    const usedAt = await engine.snapshotLastUsedAt(snapshot);
    if (usedAt !== null) found.push({ snapshot, usedAt });
  }
  return found.toSorted((a, b) => b.usedAt.getTime() - a.usedAt.getTime()).map(({ snapshot }) => snapshot);
}

/**
 * Removes builder images that apps named: the least recently used ones beyond the limit. Keeps the operator's builder images and the
 * stacks.
 */
export async function sweepUserImages({ engine, config }: SweepUserImagesContext): Promise<void> {
  const { cnbBuilder, stacks, limits } = config;
  const kept = [
    ...stacks.flatMap(({ run, build }) => [run, build]),
    ...(cnbBuilder === undefined ? [] : [cnbBuilder]),
  ];
  await engine.pruneUserImages({ maxBytes: limits.pulledImagesBytes, kept });
}

/** The stored apps in a list, including deleted ones, by id. Each app is read once. */
export async function appsById(
  store: SweepSnapshotsContext["store"],
  listed: readonly { readonly appId: string }[],
): Promise<ReadonlyMap<string, App>> {
  const apps = await store.apps.many([...new Set(listed.map(({ appId }) => appId))]);
  return new Map(apps.map((app) => [app.id, app]));
}

function hasEnded(deployment: Deployment | null, labels: Labels): boolean {
  return (
    deployment === null || isFinal(deployment.status) || Number(labels[label.attempt]) < deployment.attempt
  );
}
