// The kinds of lane work: deployments and operations as the queue sees them. A new kind needs an entry here, a job type in the
// protocol, and its work in the worker.

import type {
  Deployment,
  DeploymentStore,
  LaneEntry,
  LaneHeads,
  Operation,
  OperationStore,
} from "@slipway/core";
import type { LaneJob } from "@slipway/protocol";

type LaneType = LaneJob["type"];

/** A piece of lane work of any kind. */
export interface LaneItem {
  readonly type: LaneType;
  readonly id: string;
  readonly appId: string;
  /** Number of the last attempt, from the store. */
  readonly attempt: number;
  readonly revision: number;
  /** The owner of the deployment; null for an operation. */
  readonly ownerId: string | null;
  /** Whether it needs a slot of its owner and of the fleet, which only builds do. */
  readonly builds: boolean;
  /** Title on the dashboard. */
  readonly subject: string;
}

/** The lane functions of one kind's store. */
export interface LaneKind {
  readonly type: LaneType;
  /** Name of the kind in messages. */
  readonly noun: string;
  get(id: string): Promise<LaneItem | null>;
  running(appId: string): Promise<LaneItem | null>;
  allRunning(): Promise<LaneEntry[]>;
  /** The next item in the app's lane. */
  head(appId: string): Promise<LaneItem | null>;
  /** The lane heads of apps without a running item of this kind, in pages; see the store. */
  heads(after: string, limit: number): Promise<LaneHeads>;
}

export interface LaneStores {
  readonly deployments: DeploymentStore;
  readonly operations: OperationStore;
}

/** All kinds, in the order in which a lane serves them: operations are short, and a build may be long. */
export function laneKinds({ deployments, operations }: LaneStores): readonly LaneKind[] {
  return [
    {
      type: "operate",
      noun: "operation",
      get: async (id) => itemOrNull(await operations.get(id), operationItem),
      running: async (appId) => itemOrNull(await operations.running(appId), operationItem),
      allRunning: async () => (await operations.allRunning()).map(operationEntry),
      head: async (appId) => itemOrNull((await operations.pending(appId, 1))[0], operationItem),
      heads: (after, limit) => operations.laneHeads(after, limit),
    },
    {
      type: "deploy",
      noun: "deployment",
      get: async (id) => itemOrNull(await deployments.get(id), deploymentItem),
      running: async (appId) => itemOrNull(await deployments.running(appId), deploymentItem),
      allRunning: () => deployments.runningEntries(),
      head: async (appId) => itemOrNull((await deployments.lane(appId, 1))[0], deploymentItem),
      heads: (after, limit) => deployments.laneHeads(after, limit),
    },
  ];
}

/** Titles of deployments without a git ref. */
const subjects: Partial<Record<Deployment["source"]["kind"], string>> = {
  release: "earlier release",
  image: "image",
};

/** The lane item of a deployment. */
export function deploymentItem(deployment: Deployment): LaneItem {
  const { id, appId, attempt, revision, ownerId, source, releaseId } = deployment;
  const builds = source.kind !== "release" && releaseId === null;
  const subject = deployment.gitRef ?? subjects[source.kind] ?? "no ref";
  return { type: "deploy", id, appId, attempt, revision, ownerId, builds, subject };
}

/** The lane item of an operation. */
export function operationItem({ id, appId, attempt, revision, kind }: Operation): LaneItem {
  return { type: "operate", id, appId, attempt, revision, ownerId: null, builds: false, subject: kind };
}

function operationEntry({ id, appId, attempt, revision, createdAt }: Operation): LaneEntry {
  return { id, appId, ownerId: null, attempt, revision, createdAt };
}

/** The job for an item: it contains only ids, the rest is in the store. */
export function jobOf({ type, id, appId, attempt, ownerId, builds }: LaneItem): LaneJob {
  const common = { appId, attemptBase: attempt };
  return type === "deploy"
    ? { type, deploymentId: id, ownerId: ownerId ?? "", builds, ...common }
    : { type, operationId: id, ...common };
}

/** Id of the job's deployment or operation. */
export function idOf(job: LaneJob): string {
  return job.type === "deploy" ? job.deploymentId : job.operationId;
}

function itemOrNull<Entity>(
  entity: Entity | null | undefined,
  item: (entity: Entity) => LaneItem,
): LaneItem | null {
  return entity === null || entity === undefined ? null : item(entity);
}
