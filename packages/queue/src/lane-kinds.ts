// The kinds of lane work: deployments and operations as the queue sees them. A further kind is one more entry here, one more job
// type of the protocol, and its work in the worker.

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

/** One piece of lane work, of whatever kind. */
export interface LaneItem {
  readonly type: LaneType;
  readonly id: string;
  readonly appId: string;
  /** Number of the last attempt, from the store. */
  readonly attempt: number;
  readonly revision: number;
  /** The owner of its deployment; null for an operation. */
  readonly ownerId: string | null;
  /** Whether it needs a slot of its owner and of the fleet: only builds do. */
  readonly builds: boolean;
  /** Title for the dashboard. */
  readonly subject: string;
}

/** The lane side of one kind's store. */
export interface LaneKind {
  readonly type: LaneType;
  /** For messages. */
  readonly noun: string;
  get(id: string): Promise<LaneItem | null>;
  running(appId: string): Promise<LaneItem | null>;
  allRunning(): Promise<LaneEntry[]>;
  /** The next item of the app's lane. */
  head(appId: string): Promise<LaneItem | null>;
  /** The heads of the lanes of apps without a running item of this kind, in parts; see the store. */
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

/** Names of deployments without a git ref. */
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

/** The job that carries an item: ids only, the store has the rest. */
export function jobOf({ type, id, appId, attempt, ownerId, builds }: LaneItem): LaneJob {
  const common = { appId, attemptBase: attempt };
  return type === "deploy"
    ? { type, deploymentId: id, ownerId: ownerId ?? "", builds, ...common }
    : { type, operationId: id, ...common };
}

/** Id of the deployment or the operation that a job carries. */
export function idOf(job: LaneJob): string {
  return job.type === "deploy" ? job.deploymentId : job.operationId;
}

function itemOrNull<Entity>(
  entity: Entity | null | undefined,
  item: (entity: Entity) => LaneItem,
): LaneItem | null {
  return entity === null || entity === undefined ? null : item(entity);
}
