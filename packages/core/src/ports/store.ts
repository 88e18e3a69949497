// The port to the database. Every adapter passes the contract suite in testkit.
//
// Rules for all methods:
// - One call changes one document (aggregate), atomically; no transaction spans two. A retry repairs what must agree across
//   documents, so every sequence of calls must be safe to repeat.
// - `compareAndSet(next)` stores `next` if the stored revision is `next.revision - 1`, and returns whether it did. After
//   false, another process has changed the document: read it again and decide anew.
// - The caller creates ids (UUIDs), so that a repeated create is recognized.
// - Methods reject with SlipwayError "store-unavailable" when the database does not respond within its time limit.
// - Any number of processes use the store concurrently.

import type { App } from "../app.ts";
import type { Collaborator, CollaboratorRole } from "../collaborator.ts";
import type { Admission } from "../admission.ts";
import type { Deployment, NewDeployment } from "../deployment.ts";
import type { DeploymentStatus } from "../deployment-status.ts";
import type { Operation } from "../operation.ts";
import type { Delivery, Notifier } from "../notifier.ts";
import type { PageRequest } from "../pagination.ts";
import type { Receipt, ReceiptKey } from "../receipt.ts";
import type { NewRelease, Release } from "../release.ts";
import type { OwnerQuotas, Quotas, Usage } from "../quota.ts";
import type { Source } from "../source.ts";
import type { ApiToken, User } from "../user.ts";
import type { Variable } from "../variable.ts";

export interface Store extends AsyncDisposable {
  readonly users: UserStore;
  readonly tokens: TokenStore;
  readonly apps: AppStore;
  readonly collaborators: CollaboratorStore;
  readonly variables: VariableStore;
  readonly sources: SourceStore;
  readonly usage: UsageStore;
  readonly deployments: DeploymentStore;
  readonly releases: ReleaseStore;
  readonly receipts: ReceiptStore;
  readonly operations: OperationStore;
  readonly logs: LogStore;
  readonly notifiers: NotifierStore;
  readonly deliveries: DeliveryStore;
  /** Rejects with "store-unavailable" when the database does not respond. For health checks. */
  ping(): Promise<void>;
}

export interface UserStore {
  /** @throws "conflict" when the id, username or email is taken. */
  create(user: User): Promise<void>;
  get(id: string): Promise<User | null>;
  /** The users with these ids that exist, in any order; read at once. */
  many(ids: readonly string[]): Promise<User[]>;
  byUsername(username: string): Promise<User | null>;
  byEmail(email: string): Promise<User | null>;
  /** Sorted by username. A page past the end is empty. */
  list(page: PageRequest): Promise<{ users: User[]; totalCount: number }>;
  countOperators(): Promise<number>;
  /** Does not change id, username and createdAt. @throws "conflict" when the email is taken. */
  compareAndSet(next: User): Promise<boolean>;
  /** Does not delete what belongs to the user: other stores do. @returns whether the user existed. */
  delete(id: string): Promise<boolean>;
}

export interface TokenStore {
  /** @throws "conflict" when the id or the hash is taken. */
  create(token: ApiToken): Promise<void>;
  bySecret(secretSha256: string): Promise<ApiToken | null>;
  get(id: string): Promise<ApiToken | null>;
  /** A user's tokens, oldest first. */
  ofUser(userId: string): Promise<ApiToken[]>;
  touch(id: string, usedAt: Date): Promise<void>;
  /** @returns whether the user had that token. */
  delete(userId: string, id: string): Promise<boolean>;
  removeOfUser(userId: string): Promise<void>;
}

/** The apps that a list selects: all, or those of an owner together with others, for example shared ones. */
export type AppSelection = "all" | { readonly ownerId: string; readonly otherIds: readonly string[] };

/** Apps whose `deletedAt` is set are found by `get` and `deleted` only. */
export interface AppStore {
  /**
   * Concurrent creates do not exceed the owner's quotas.
   * @throws "conflict" when an app that is not deleted has the name, or any app has the id; "quota-exceeded".
   */
  create(app: App, quotas?: Quotas): Promise<void>;
  /** By id, including deleted apps. */
  get(id: string): Promise<App | null>;
  /** The apps with these ids that exist, including deleted ones, in any order; read at once. */
  many(ids: readonly string[]): Promise<App[]>;
  byName(name: string): Promise<App | null>;
  /** The selected apps whose names follow `after`, sorted by name, at most `limit`. */
  after(selection: AppSelection, after: string, limit: number): Promise<App[]>;
  /** The selected apps whose names contain `text`, sorted by name. A page past the end is empty. */
  search(
    selection: AppSelection,
    text: string,
    page: PageRequest,
  ): Promise<{ apps: App[]; totalCount: number }>;
  deleted(): Promise<App[]>;
  /** Ids of apps that are not deleted, in order, from the first one after `after`, at most `limit`. */
  ids(after: string, limit: number): Promise<string[]>;
  compareAndSet(next: App): Promise<boolean>;
  /** Deletes the app's document permanently. Other stores remove its variables, deployments, releases and logs. */
  remove(id: string): Promise<void>;
}

/** A user collaborates on an app once: (appId, userId) is unique. */
export interface CollaboratorStore {
  /** @throws "conflict" when the id is taken, or the user already collaborates on the app. */
  create(collaborator: Collaborator): Promise<void>;
  get(appId: string, id: string): Promise<Collaborator | null>;
  /** A user's collaboration on an app; called for every request about an app that the user does not own. */
  find(appId: string, userId: string): Promise<Collaborator | null>;
  /** Oldest first. */
  ofApp(appId: string): Promise<Collaborator[]>;
  /** Oldest first. */
  ofUser(userId: string): Promise<Collaborator[]>;
  /** @returns whether the app has that collaborator. */
  setRole(appId: string, id: string, role: CollaboratorRole): Promise<boolean>;
  /** @returns whether the app had that collaborator. */
  delete(appId: string, id: string): Promise<boolean>;
  removeOfApp(appId: string): Promise<void>;
  removeOfUser(userId: string): Promise<void>;
}

export interface VariableStore {
  /** Sorted by name. */
  list(appId: string): Promise<Variable[]>;
  get(appId: string, id: string): Promise<Variable | null>;
  /** Sets by name: an existing variable keeps its id and gets the new value and scope. @returns the stored variables, in the given order. */
  set(appId: string, variables: readonly Variable[]): Promise<Variable[]>;
  /** @returns how many of the ids existed. */
  delete(appId: string, ids: readonly string[]): Promise<number>;
  removeOfApp(appId: string): Promise<void>;
}

export interface SourceStore {
  /** Concurrent creates do not exceed the owner's quotas. @throws "quota-exceeded". */
  create(source: Source, quotas?: Quotas): Promise<void>;
  get(id: string): Promise<Source | null>;
  /**
   * Records a finished upload. Concurrent uploads do not exceed the owner's quotas.
   * @returns false when the source does not exist, or already has an upload. @throws "quota-exceeded".
   */
  complete(id: string, sizeBytes: number, quotas?: Quotas): Promise<boolean>;
  /** Sources whose URLs expired before `before`, oldest first, at most `limit`; for cleanup. */
  expired(before: Date, limit: number): Promise<Source[]>;
  remove(id: string): Promise<void>;
}

export interface UsageStore {
  /** The user's current usage, for display: the numbers are not read at the same time. */
  of(ownerId: string): Promise<Usage>;
  /** Bytes stored by the installation. The cost grows with the number of sources: do not call it for each request. */
  total(): Promise<StoredBytes>;
}

export interface StoredBytes {
  /** On the disk of the database, with its indexes and free pages. */
  readonly database: number;
  /** The archives of all sources. */
  readonly sources: number;
}

/** A piece of lane work as the queue sees it: enough to find out whether it has a job. */
export interface LaneEntry {
  readonly id: string;
  readonly appId: string;
  /** The owner whose slot it needs; null for work without a build: operations, and deployments of earlier releases. */
  readonly ownerId: string | null;
  readonly attempt: number;
  readonly revision: number;
  readonly createdAt: Date;
}

/** Some of the lanes' heads, sorted by the ids of their apps. */
export interface LaneHeads {
  readonly heads: readonly LaneEntry[];
  /** Pass it as `after` to read the next heads; null after the last one. */
  readonly next: string | null;
}

/** What a list of apps shows of a deployment. */
export type DeploymentSummary = Pick<
  Deployment,
  "id" | "appId" | "status" | "gitRef" | "createdAt" | "finishedAt"
>;

/** A filter: the values of a deployment; null for any. */
export interface DeploymentFilter {
  readonly statuses: readonly DeploymentStatus[] | null;
  readonly appIds: readonly string[] | null;
  /** Only deployments created at this time or later. */
  readonly since: Date | null;
}

export interface DeploymentStore {
  /**
   * Adds a deployment to the end of its app's lane, with the app's next number. Numbers are unique and increase in the order
   * in which creates take effect. Repeating a create with the same id returns the stored deployment.
   * @param admission called with the state of the lane, in the same transaction that stores the deployment, possibly several
   * times. When it throws, the create rejects with that error and stores nothing. Not called for a repeated create.
   */
  create(request: NewDeployment, admission?: Admission): Promise<Deployment>;
  get(id: string): Promise<Deployment | null>;
  /** Newest first. A page past the end is empty. The time depends neither on the page's number nor on the number of deployments. */
  list(appId: string, page: PageRequest): Promise<{ deployments: Deployment[]; totalCount: number }>;
  /**
   * The newest deployments of all apps that fit the filter, newest first, `searchedDeployments` in all. A page past the end is
   * empty. With `appIds` the time depends on the number of deployments of these apps, otherwise on nothing that grows; in MongoDB
   * also on how rare the statuses are.
   */
  search(
    filter: DeploymentFilter,
    page: PageRequest,
  ): Promise<{ deployments: Deployment[]; totalCount: number }>;
  /**
   * The app's oldest deployments in lane order, at most `limit`, except its newest `kept` and those that `removeOld` kept.
   * @param window.kept at least 1.
   */
  oldest(appId: string, window: { readonly kept: number; readonly limit: number }): Promise<Deployment[]>;
  /**
   * Removes these deployments of the app. Keeps the others with lower numbers than `completeFrom`; from that number on
   * the app has all its deployments. `ids` must not contain the newest deployment: its number would be used again.
   */
  removeOld(appId: string, ids: readonly string[], completeFrom: number): Promise<void>;
  /** The app's deployments with lower numbers, newest first, at most `limit`. */
  before(appId: string, number: number, limit: number): Promise<Deployment[]>;
  /** The queued deployments of all apps, oldest first, at most `limit`, and how many there are. */
  queued(limit: number): Promise<{ deployments: Deployment[]; totalCount: number }>;
  /** The app's queued deployments, in lane order, at most `limit`. */
  lane(appId: string, limit: number): Promise<Deployment[]>;
  /** The app's running deployment; there is at most one. */
  running(appId: string): Promise<Deployment | null>;
  /** The running deployments of all apps. */
  allRunning(): Promise<Deployment[]>;
  /** The running deployments of all apps as lane entries, for the reconciler. */
  runningEntries(): Promise<LaneEntry[]>;
  /**
   * The first queued deployment of each app without a running one, for the reconciler.
   * @param after lists apps with higher ids; "" for all. @param limit the maximum. A shorter list does not mean that it is the last.
   */
  laneHeads(after: string, limit: number): Promise<LaneHeads>;
  /** Ids of the owner's running deployments in all apps, except deployments of earlier releases, which need no slot. */
  runningOfOwner(ownerId: string): Promise<string[]>;
  /** The deployments of all apps that ended by `until` and whose logs are not closed, the oldest end first, at most `limit`. */
  unsealed(until: Date, limit: number): Promise<Deployment[]>;
  /** The app's deployments that have not ended, or ended since `since`, in lane order. For replay to followers. */
  recent(appId: string, since: Date): Promise<Deployment[]>;
  /** Which of the apps have a deployment that has not ended, or ended since `since`; read at once, in any order. */
  appsWithRecent(appIds: readonly string[], since: Date): Promise<string[]>;
  /** The latest deployment of each of these apps, in any order. Apps without a deployment have none. */
  latest(appIds: readonly string[]): Promise<DeploymentSummary[]>;
  /** Whether a deployment that has not ended uses the uploaded source. */
  usesSource(sourceId: string): Promise<boolean>;
  /**
   * Stores by revision. A unique index also ensures that at most one deployment of an app is running.
   * @returns false when the stored revision differs, or when another deployment of the app is running.
   */
  compareAndSet(next: Deployment): Promise<boolean>;
  removeOfApp(appId: string): Promise<void>;
}

export interface ReleaseStore {
  /** Assigns the app's next number. Repeating a create for the same deployment returns the stored release. */
  create(release: NewRelease): Promise<Release>;
  get(id: string): Promise<Release | null>;
  byNumber(appId: string, number: number): Promise<Release | null>;
  /** Newest first. */
  ofApp(appId: string, limit: number): Promise<Release[]>;
  /** Removes the releases of these deployments. They must not contain the deployment of the newest release: its number would be used again. */
  removeOfDeployments(deploymentIds: readonly string[]): Promise<void>;
  removeOfApp(appId: string): Promise<void>;
}

/** A deployment has a receipt for each image that its attempts built; (deploymentId, imageDigest) is unique. */
export interface ReceiptStore {
  /** Stores the receipt, and replaces an earlier receipt of the image. Does nothing when a later attempt has stored a receipt of that image. */
  put(receipt: Receipt): Promise<void>;
  get(deploymentId: string, imageDigest: string): Promise<Receipt | null>;
  /** The app's newest receipt of an image that any of its deployments built. */
  newestOf(appId: string, imageDigest: string): Promise<Receipt | null>;
  /** Removes the receipts of these deployments of the app, except receipts of the images to keep. */
  removeOfDeployments(
    appId: string,
    deploymentIds: readonly string[],
    keptImages: readonly string[],
  ): Promise<void>;
  removeOfApp(appId: string): Promise<void>;
  /** Adds a public key. Does nothing when a key with the id exists. */
  addKey(key: ReceiptKey): Promise<void>;
  /** All keys that ever signed, oldest first. */
  keys(): Promise<ReceiptKey[]>;
}

export interface OperationStore {
  /**
   * Concurrent scalings of an owner's apps do not exceed the quotas.
   * @throws "conflict" when the id is taken; "quota-exceeded".
   */
  create(operation: Operation, quota?: OwnerQuotas): Promise<void>;
  get(id: string): Promise<Operation | null>;
  /** The app's pending operations, sorted by creation and id, at most `limit`. */
  pending(appId: string, limit: number): Promise<Operation[]>;
  /** The app's running operation; there is at most one. */
  running(appId: string): Promise<Operation | null>;
  /** The running operations of all apps. */
  allRunning(): Promise<Operation[]>;
  /** The first pending operation of each app without a running one, as `laneHeads` of the deployments. */
  laneHeads(after: string, limit: number): Promise<LaneHeads>;
  /** Ids of apps with a pending operation and no running one. */
  waitingApps(): Promise<string[]>;
  /**
   * Stores by revision. A unique index also ensures that at most one operation of an app is running.
   * @returns false when the stored revision differs, or when another operation of the app is running.
   */
  compareAndSet(next: Operation): Promise<boolean>;
  /** Removes operations that ended before `before`. */
  removeEnded(before: Date): Promise<void>;
  removeOfApp(appId: string): Promise<void>;
}

/** Consecutive lines of a deployment's log, stored together. */
export interface LogChunk {
  readonly deploymentId: string;
  readonly attempt: number;
  /** Sequence number of the first line. */
  readonly firstSeq: number;
  readonly lineCount: number;
  /** The lines, joined by newlines, without a trailing newline. */
  readonly text: string;
  readonly at: Date;
}

export interface LogStore {
  /**
   * Stores a chunk. (deploymentId, firstSeq) is unique; appending the same chunk again changes nothing. A newer attempt's
   * chunk replaces all chunks of older attempts that begin at its first line or later, so no line is stored twice. It must
   * begin where a stored chunk begins, or after the last line (as when continuing from `lastSeq`), because chunks are not split.
   * @returns false when a newer attempt has appended: chunks of older attempts are rejected, even those already stored.
   */
  append(chunk: LogChunk): Promise<boolean>;
  /** At most `limit` chunks with the lines from `fromSeq` on, in order. The first chunk may begin before `fromSeq`. */
  read(deploymentId: string, fromSeq: number, limit: number): Promise<LogChunk[]>;
  /** Sequence number of the last stored line; 0 without lines. */
  lastSeq(deploymentId: string): Promise<number>;
  /** Removes the logs of these deployments. */
  remove(deploymentIds: readonly string[]): Promise<void>;
}

export interface NotifierStore {
  /** @throws "conflict" when the id is taken. */
  create(notifier: Notifier): Promise<void>;
  get(appId: string, id: string): Promise<Notifier | null>;
  /** Oldest first. */
  ofApp(appId: string): Promise<Notifier[]>;
  /** Ids of the apps that have a notifier. */
  appIds(): Promise<string[]>;
  compareAndSet(next: Notifier): Promise<boolean>;
  /** @returns whether the notifier existed. */
  delete(appId: string, id: string): Promise<boolean>;
  removeOfApp(appId: string): Promise<void>;
}

/** Only one worker at a time writes a delivery: the delivery's job in the queue ensures that. */
export interface DeliveryStore {
  /** Stores the delivery, replacing the one with the same id. */
  put(delivery: Delivery): Promise<void>;
  get(id: string): Promise<Delivery | null>;
  /** Newest first. */
  ofNotifier(notifierId: string, limit: number): Promise<Delivery[]>;
  /** Removes at most `limit` deliveries created before `before`. @returns their number. */
  removeBefore(before: Date, limit: number): Promise<number>;
  removeOfApp(appId: string): Promise<void>;
}
