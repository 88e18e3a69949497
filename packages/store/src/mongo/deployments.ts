// Deployments in MongoDB: the lanes, the one running deployment of an app, and compare-and-set.

import type { Db, Filter, Sort } from "mongodb";
import { isFinal, isRunning, queuedDeployment, searchedDeployments } from "@slipway/core";
import type {
  Admission,
  Deployment,
  DeploymentFilter,
  DeploymentStore,
  DeploymentSummary,
  LaneState,
  NewDeployment,
  PageRequest,
} from "@slipway/core";
import { numberedPage } from "../numbered-page.ts";
import { searchedPage } from "../searched-page.ts";
import { compareAndSet } from "./compare-and-set.ts";
import type { Connection } from "./connection.ts";
import { document, entity } from "./documents.ts";
import type { Stored } from "./documents.ts";
import { falseWhenTaken } from "./failures.ts";
import { entryFrom, entryProjection, laneHeads } from "./lane-entry.ts";
import type { HeadQueries } from "./lane-entry.ts";
import { appsOf } from "./waiting-apps.ts";
import { insertNumbered } from "./numbered.ts";

/**
 * `running` is derived from the status: a unique index over documents where it is true allows one per app. `unsealed` is derived from
 * the status and the log; documents that were stored before the field existed lack it.
 */
type DeploymentDocument = Stored<Deployment> & { readonly running: boolean; readonly unsealed?: boolean };

/** The number from which an app has all its deployments, by the app's id. Without a document: from the first one. */
interface FloorDocument {
  readonly _id: string;
  readonly completeFrom: number;
}

/** Defaults for documents that were stored before these fields existed. */
const fieldsOfLater = { postdeployHook: null, timeline: [] } as const;
const failureFieldsOfLater = { hint: null, phase: null, line: null } as const;

/** Written so that the partial indexes apply: their condition comes first. */
export const deploymentQueries = {
  ofApp: (appId: string) => ({ appId }),
  before: (appId: string, number: number) => ({ appId, number: { $lt: number } }),
  between: (appId: string, from: number, upTo: number) => ({ appId, number: { $gte: from, $lte: upTo } }),
  search: ({ statuses, appIds, since }: DeploymentFilter) => ({
    createdAt: { $gte: since ?? new Date(0) },
    ...(statuses === null ? {} : { status: { $in: [...statuses] } }),
    ...(appIds === null ? {} : { appId: { $in: [...appIds] } }),
  }),
  queued: { status: "queued" as const },
  queuedAfter: (appId: string) => ({ status: "queued" as const, appId: { $gt: appId } }),
  lane: (appId: string) => ({ status: "queued" as const, appId }),
  allRunning: { running: true },
  running: (appId: string) => ({ running: true, appId }),
  runningOf: (appIds: readonly string[]) => ({ running: true, appId: { $in: [...appIds] } }),
  runningOfOwner: (ownerId: string) => ({
    running: true,
    ownerId,
    "source.kind": { $ne: "release" as const },
  }),
  // A previous version that closes a log does not change `unsealed`.
  unsealed: (until: Date) => ({ unsealed: true, finishedAt: { $lte: until }, logSha256: null }),
  recent: (appId: string, since: Date) => ({
    $or: [
      { appId, finishedAt: null },
      { appId, finishedAt: { $gte: since } },
    ],
  }),
  recentOf: (appIds: readonly string[], since: Date) => ({
    $or: [
      { appId: { $in: [...appIds] }, finishedAt: null },
      { appId: { $in: [...appIds] }, finishedAt: { $gte: since } },
    ],
  }),
  unfinished: (appId: string) => ({ appId, finishedAt: null }),
  needsSource: (sourceId: string) => ({
    "source.kind": "upload",
    "source.sourceId": sourceId,
    finishedAt: null,
  }),
} as const satisfies Record<string, unknown>;

const headQueries: HeadQueries<DeploymentDocument> = {
  waitingAfter: deploymentQueries.queuedAfter,
  order: { appId: 1, number: 1 },
  runningOf: deploymentQueries.runningOf,
};

const newestFirst = { createdAt: -1, _id: -1 } as const;
const summaryProjection = { appId: 1, status: 1, gitRef: 1, createdAt: 1, finishedAt: 1 } as const;
/** Limits the connections that one list of apps takes. */
const latestAtOnce = 16;

const deployments = (database: Db) => database.collection<DeploymentDocument>("deployments");

const floors = (database: Db) => database.collection<FloorDocument>("deploymentFloors");

export function deploymentStore(connection: Connection): DeploymentStore {
  const first = async (filter: Filter<DeploymentDocument>) =>
    connection.run(async (database) => deploymentFrom(await deployments(database).findOne(filter)));
  const many = (filter: Filter<DeploymentDocument>, order: Sort, limit = 0) =>
    connection.run((database) => sorted(database, filter, order, limit));
  return {
    create: (request, admission) =>
      connection.runInTurn(`deployments ${request.appId}`, (database, signal) =>
        create(database, request, { admission, signal }),
      ),
    get: (id) => first({ _id: id }),
    list: (appId, page) => connection.run((database) => pageOf(database, appId, page)),
    oldest: (appId, window) => connection.run((database) => oldest(database, appId, window)),
    removeOld: (appId, ids, from) => connection.run((database) => removeOld(database, appId, ids, from)),
    before: (appId, number, limit) => many(deploymentQueries.before(appId, number), { number: -1 }, limit),
    search: (wanted, page) =>
      connection.run((database) => search(database, deploymentQueries.search(wanted), page)),
    queued: (limit) =>
      connection.run(async (database) => ({
        deployments: await sorted(database, deploymentQueries.queued, { createdAt: 1, _id: 1 }, limit),
        totalCount: await deployments(database).countDocuments(deploymentQueries.queued),
      })),
    lane: (appId, limit) => many(deploymentQueries.lane(appId), { number: 1 }, limit),
    running: (appId) => first(deploymentQueries.running(appId)),
    allRunning: () => many(deploymentQueries.allRunning, { appId: 1 }),
    runningEntries: () =>
      connection.run(async (database) => {
        const found = deployments(database).find(deploymentQueries.allRunning).sort({ appId: 1 });
        return (await found.project<DeploymentDocument>(entryProjection).toArray()).map(entryFrom);
      }),
    laneHeads: (after, limit) =>
      connection.run((database) => laneHeads(deployments(database), headQueries, { after, limit })),
    runningOfOwner: (ownerId) =>
      connection.run(async (database) => {
        const running = deployments(database).find(deploymentQueries.runningOfOwner(ownerId));
        return (await running.project<{ _id: string }>({ _id: 1 }).toArray()).map(({ _id }) => _id);
      }),
    unsealed: (until, limit) => many(deploymentQueries.unsealed(until), { finishedAt: 1 }, limit),
    recent: (appId, since) => many(deploymentQueries.recent(appId, since), { number: 1 }),
    appsWithRecent: (appIds, since) =>
      connection.run((database) => appsOf(deployments(database), deploymentQueries.recentOf(appIds, since))),
    latest: (appIds) => connection.run((database) => latest(database, appIds)),
    usesSource: async (sourceId) => (await first(deploymentQueries.needsSource(sourceId))) !== null,
    // The only unique index that a change can violate allows one running deployment per app.
    compareAndSet: (next) =>
      falseWhenTaken(connection.run((database) => compareAndSet(deployments(database), documentOf(next)))),
    removeOfApp: (appId) =>
      connection.run(async (database) => {
        await deployments(database).deleteMany({ appId });
        await floors(database).deleteOne({ _id: appId });
      }),
  };
}

/** @param limit 0 for no limit. */
async function sorted(
  database: Db,
  filter: Filter<DeploymentDocument>,
  order: Sort,
  limit: number,
): Promise<Deployment[]> {
  const found = await deployments(database).find(filter).sort(order).limit(limit).toArray();
  return found.map((one) => deploymentFrom(one));
}

/**
 * The lane is read after the last number: a deployment that joins it in the meantime takes the next number, and this create has to try
 * again. So the lane that `admission` saw is still valid when the deployment is stored, except for deployments that have ended.
 */
function create(
  database: Db,
  request: NewDeployment,
  { admission, signal }: { readonly admission: Admission | undefined; readonly signal: AbortSignal },
): Promise<Deployment> {
  return insertNumbered({
    stored: async () => deploymentFrom(await deployments(database).findOne({ _id: request.id })),
    lastNumber: () => lastNumber(database, request.appId),
    admit: async () => {
      if (admission !== undefined) admission(await laneState(database, request.appId));
    },
    signal,
    insert: async (number) => {
      const deployment = queuedDeployment(request, number);
      await deployments(database).insertOne(documentOf(deployment));
      return deployment;
    },
  });
}

/** One query over unfinished deployments: two queries could both miss a deployment that changes its status in between. */
async function laneState(database: Db, appId: string): Promise<LaneState> {
  const unfinished = deployments(database).find(deploymentQueries.unfinished(appId));
  const statuses = await unfinished.project<Pick<Deployment, "status">>({ status: 1 }).toArray();
  return {
    queuedCount: statuses.filter(({ status }) => status === "queued").length,
    hasRunning: statuses.some(({ status }) => isRunning(status)),
  };
}

async function pageOf(database: Db, appId: string, page: PageRequest) {
  const from = await completeFrom(database, appId);
  const last = await lastNumber(database, appId);
  const leftOver =
    from === 1 ? 0 : await deployments(database).countDocuments(deploymentQueries.before(appId, from));
  const { totalCount, start } = numberedPage({ last, completeFrom: from, leftOver }, page);
  if (start === null) return { deployments: [], totalCount };
  const found = deployments(database).find(deploymentQueries.before(appId, start.below)).sort({ number: -1 });
  const documents = await found.skip(start.skip).limit(page.perPage).toArray();
  return { deployments: documents.map((one) => deploymentFrom(one)), totalCount };
}

async function oldest(
  database: Db,
  appId: string,
  { kept, limit }: { readonly kept: number; readonly limit: number },
): Promise<Deployment[]> {
  const upTo = (await lastNumber(database, appId)) - kept;
  const from = await completeFrom(database, appId);
  return sorted(database, deploymentQueries.between(appId, from, upTo), { number: 1 }, limit);
}

/** Raises the floor first: a list counts the deployments below it, and calculates their number from it on. */
async function removeOld(database: Db, appId: string, ids: readonly string[], from: number): Promise<void> {
  await floors(database).updateOne({ _id: appId }, { $max: { completeFrom: from } }, { upsert: true });
  await deployments(database).deleteMany({ _id: { $in: [...ids] }, appId });
}

async function lastNumber(database: Db, appId: string): Promise<number> {
  const options = { sort: { number: -1 }, projection: { number: 1 } } as const;
  return (await deployments(database).findOne(deploymentQueries.ofApp(appId), options))?.number ?? 0;
}

/** A query per app: one query over all apps would read all of their deployments. */
async function latest(database: Db, appIds: readonly string[]): Promise<DeploymentSummary[]> {
  const options = { sort: { number: -1 }, projection: summaryProjection } as const;
  const found = [];
  for (let from = 0; from < appIds.length; from += latestAtOnce) {
    const queries = appIds
      .slice(from, from + latestAtOnce)
      .map((appId) => deployments(database).findOne(deploymentQueries.ofApp(appId), options));
    found.push(...(await Promise.all(queries)));
  }
  return found
    .filter((one) => one !== null)
    .map(({ _id: id, appId, status, gitRef, createdAt, finishedAt }) => ({
      id,
      appId,
      status,
      gitRef,
      createdAt,
      finishedAt,
    }));
}

/** No deployment with this number or a higher one was removed. */
async function completeFrom(database: Db, appId: string): Promise<number> {
  return (await floors(database).findOne({ _id: appId }))?.completeFrom ?? 1;
}

async function search(
  database: Db,
  filter: Filter<DeploymentDocument>,
  request: PageRequest,
): Promise<{ deployments: Deployment[]; totalCount: number }> {
  const totalCount = await deployments(database).countDocuments(filter, { limit: searchedDeployments });
  const window = searchedPage(request);
  if (window === null) return { deployments: [], totalCount };
  const found = deployments(database).find(filter).sort(newestFirst).skip(window.skip).limit(window.limit);
  return { deployments: (await found.toArray()).map((one) => deploymentFrom(one)), totalCount };
}

function documentOf(deployment: Deployment): DeploymentDocument {
  const { status, logSha256 } = deployment;
  return {
    ...document(deployment),
    running: isRunning(status),
    unsealed: isFinal(status) && logSha256 === null,
  };
}

function deploymentFrom(found: DeploymentDocument): Deployment;
function deploymentFrom(found: DeploymentDocument | null): Deployment | null;
function deploymentFrom(found: DeploymentDocument | null): Deployment | null {
  if (found === null) return null;
  const { running: _running, unsealed: _unsealed, ...deployment } = found;
  const failure = found.failure === null ? null : { ...failureFieldsOfLater, ...found.failure };
  return entity<Deployment>({ ...fieldsOfLater, ...deployment, failure });
}
