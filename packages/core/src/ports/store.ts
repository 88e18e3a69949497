// The port to the database. Every adapter passes the contract suite in testkit.
//
// Rules that hold for all of it:
// - One call changes one document (aggregate), atomically; nothing spans two. What must agree across documents is put
//   right by whoever retries, so every sequence of calls has to be safe to repeat.
// - `compareAndSet(next)` stores `next` where the stored revision is `next.revision - 1`, and answers whether it did.
//   A false means somebody was faster: read again and decide anew.
// - Ids are made by the caller (UUIDs), so that a repeated create is recognized.
// - Methods reject with SlipwayError "store-unavailable" when the database cannot be reached within its bound.
// - Any number of processes use the store at once.

import type { App } from "../app.ts";
import type { Collaborator, CollaboratorRole } from "../collaborator.ts";
import type { Admission, Deployment, NewDeployment } from "../deployment.ts";
import type { Operation } from "../operation.ts";
import type { Delivery, Notifier } from "../notifier.ts";
import type { PageRequest } from "../pagination.ts";
import type { NewRelease, Release } from "../release.ts";
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
  readonly deployments: DeploymentStore;
  readonly releases: ReleaseStore;
  readonly operations: OperationStore;
  readonly logs: LogStore;
  readonly notifiers: NotifierStore;
  readonly deliveries: DeliveryStore;
  /** Rejects with "store-unavailable" when the database does not answer. For health checks. */
  ping(): Promise<void>;
}

export interface UserStore {
  /** @throws "conflict" when the id, username or email is taken. */
  create(user: User): Promise<void>;
  get(id: string): Promise<User | null>;
  byUsername(username: string): Promise<User | null>;
  byEmail(email: string): Promise<User | null>;
  /** By username. A page past the end is empty. */
  list(page: PageRequest): Promise<{ users: User[]; totalCount: number }>;
  countOperators(): Promise<number>;
  /** Id, username and creation stay as they are. @throws "conflict" when the email is taken. */
  compareAndSet(next: User): Promise<boolean>;
  /** @returns whether there was one. What is theirs is removed by its own stores. */
  delete(id: string): Promise<boolean>;
}

export interface TokenStore {
  /** @throws "conflict" when the id or the hash is there already. */
  create(token: ApiToken): Promise<void>;
  bySecret(secretSha256: string): Promise<ApiToken | null>;
  get(id: string): Promise<ApiToken | null>;
  /** A user's tokens, oldest first. */
  ofUser(userId: string): Promise<ApiToken[]>;
  touch(id: string, usedAt: Date): Promise<void>;
  /** @returns whether there was one of that user's. */
  delete(userId: string, id: string): Promise<boolean>;
  removeOfUser(userId: string): Promise<void>;
}

/** Apps whose `deletedAt` is set are found by `get` and `deleted` only. */
export interface AppStore {
  /** @throws "conflict" when the name is taken by an app that is not deleted, or the id by any. */
  create(app: App): Promise<void>;
  /** By id, deleted or not. */
  get(id: string): Promise<App | null>;
  byName(name: string): Promise<App | null>;
  /** By name; of one owner, or of all (for operators). */
  list(owner: { readonly ownerId: string } | "all"): Promise<App[]>;
  deleted(): Promise<App[]>;
  compareAndSet(next: App): Promise<boolean>;
  /** Forgets the app itself for good. Its variables, deployments, releases and logs are removed by their own stores. */
  remove(id: string): Promise<void>;
}

/** A user collaborates on an app once: (appId, userId) is unique. */
export interface CollaboratorStore {
  /** @throws "conflict" when the id is taken, or the user collaborates on the app already. */
  create(collaborator: Collaborator): Promise<void>;
  get(appId: string, id: string): Promise<Collaborator | null>;
  /** What a user is to an app; asked with every request about an app that is not the user's. */
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
  /** By name. */
  list(appId: string): Promise<Variable[]>;
  get(appId: string, id: string): Promise<Variable | null>;
  /** Sets by name: a name that is there keeps its id and takes the new value. @returns what is stored, in the order given. */
  set(appId: string, variables: readonly Variable[]): Promise<Variable[]>;
  /** @returns how many of the ids were there. */
  delete(appId: string, ids: readonly string[]): Promise<number>;
  removeOfApp(appId: string): Promise<void>;
}

export interface SourceStore {
  create(source: Source): Promise<void>;
  get(id: string): Promise<Source | null>;
  /** Records a finished upload. @returns false when there is no such source, or it has one already. */
  complete(id: string, sizeBytes: number): Promise<boolean>;
  /** Sources whose URLs ended before `before`, oldest first, at most `limit`: what cleaning may look at. */
  expired(before: Date, limit: number): Promise<Source[]>;
  remove(id: string): Promise<void>;
}

export interface DeploymentStore {
  /**
   * Puts a deployment at the end of its app's lane, with the next number of the app: numbers grow in the order in which
   * creates began to return, none is given twice. Repeating a create with the same id returns the stored one.
   * @param admission called with the state of the lane that the deployment would join, in the step that stores it, perhaps
   * several times; when it throws, the create rejects with that error and stores nothing. Not called for a repeated create.
   */
  create(request: NewDeployment, admission?: Admission): Promise<Deployment>;
  get(id: string): Promise<Deployment | null>;
  /** Newest first. A page past the end is empty. */
  list(appId: string, page: PageRequest): Promise<{ deployments: Deployment[]; totalCount: number }>;
  /** The app's queued deployments, in lane order, at most `limit`. */
  lane(appId: string, limit: number): Promise<Deployment[]>;
  /** The one running deployment of the app. */
  running(appId: string): Promise<Deployment | null>;
  /** Every running deployment there is, for the reconciler. */
  allRunning(): Promise<Deployment[]>;
  /** Ids of apps that have a queued deployment and none running: whose lane should advance. */
  waitingApps(): Promise<string[]>;
  /** Ids of the owner's running deployments, over all apps. */
  runningOfOwner(ownerId: string): Promise<string[]>;
  /** Those of the app that are not final, and those final since `since`; in lane order. For replay to followers. */
  recent(appId: string, since: Date): Promise<Deployment[]>;
  /** Whether a deployment that is not final still needs that uploaded source. */
  usesSource(sourceId: string): Promise<boolean>;
  /**
   * Stores by revision. Besides, at most one deployment of an app is ever running: a change that would make a second
   * is refused by a unique index.
   * @returns false when the revision was not the expected one, or another deployment of the app is running.
   */
  compareAndSet(next: Deployment): Promise<boolean>;
  removeOfApp(appId: string): Promise<void>;
}

export interface ReleaseStore {
  /** Gives the app's next number. Repeating a create for the same deployment returns the stored release. */
  create(release: NewRelease): Promise<Release>;
  get(id: string): Promise<Release | null>;
  byNumber(appId: string, number: number): Promise<Release | null>;
  /** Newest first. */
  ofApp(appId: string, limit: number): Promise<Release[]>;
  removeOfApp(appId: string): Promise<void>;
}

export interface OperationStore {
  /** @throws "conflict" when the id is there already. */
  create(operation: Operation): Promise<void>;
  get(id: string): Promise<Operation | null>;
  /** The app's operations that wait, oldest first, those of one moment by id, at most `limit`. */
  pending(appId: string, limit: number): Promise<Operation[]>;
  /** The one running operation of the app. */
  running(appId: string): Promise<Operation | null>;
  /** Every running operation there is, for the reconciler. */
  allRunning(): Promise<Operation[]>;
  /** Ids of apps that have an operation waiting and none running: whose lane should advance. */
  waitingApps(): Promise<string[]>;
  /**
   * Stores by revision. Besides, at most one operation of an app is ever running: a change that would make a second is
   * refused by a unique index.
   * @returns false when the revision was not the expected one, or another operation of the app is running.
   */
  compareAndSet(next: Operation): Promise<boolean>;
  /** Forgets those that ended before `before`. */
  removeEnded(before: Date): Promise<void>;
  removeOfApp(appId: string): Promise<void>;
}

/** Some consecutive lines of a deployment's log, as they are kept. */
export interface LogChunk {
  readonly deploymentId: string;
  readonly attempt: number;
  /** Sequence number of the first line. */
  readonly firstSeq: number;
  readonly lineCount: number;
  /** The lines, joined by newlines, without one at the end. */
  readonly text: string;
  readonly at: Date;
}

export interface LogStore {
  /**
   * Keeps a chunk. (deploymentId, firstSeq) is unique: the same chunk again is fine and changes nothing. A newer attempt's
   * chunk takes the place of every older attempt's that begins at its first line or later, whatever their lengths, so no line
   * is there twice. It must begin where a stored chunk begins or after the last line, as does who goes on from `lastSeq`:
   * chunks are not cut.
   * @returns false when a newer attempt has written: older ones are refused, what they stored before and send again included.
   */
  append(chunk: LogChunk): Promise<boolean>;
  /** Chunks that hold lines from `fromSeq` on, in order. The first may begin before it. At most `limit` chunks. */
  read(deploymentId: string, fromSeq: number, limit: number): Promise<LogChunk[]>;
  /** Sequence number of the last stored line, 0 when there is none. */
  lastSeq(deploymentId: string): Promise<number>;
  /** Deletes the logs of these deployments. */
  remove(deploymentIds: readonly string[]): Promise<void>;
}

export interface NotifierStore {
  /** @throws "conflict" when the id is there already. */
  create(notifier: Notifier): Promise<void>;
  get(appId: string, id: string): Promise<Notifier | null>;
  /** Oldest first. */
  ofApp(appId: string): Promise<Notifier[]>;
  /** Ids of the apps that have one. */
  appIds(): Promise<string[]>;
  compareAndSet(next: Notifier): Promise<boolean>;
  /** @returns whether there was one. */
  delete(appId: string, id: string): Promise<boolean>;
  removeOfApp(appId: string): Promise<void>;
}

/** Of each delivery only one worker writes at a time: its job in the queue sees to that. */
export interface DeliveryStore {
  /** Stores it, in the place of the one with its id. */
  put(delivery: Delivery): Promise<void>;
  get(id: string): Promise<Delivery | null>;
  /** Newest first. */
  ofNotifier(notifierId: string, limit: number): Promise<Delivery[]>;
  /** Removes old ones, at most `limit`. @returns how many. */
  removeBefore(before: Date, limit: number): Promise<number>;
  removeOfApp(appId: string): Promise<void>;
}
