import { MongoClient, ObjectId } from "mongodb";
import type { Document, Filter, Sort } from "mongodb";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { deploymentStatuses, isFinal, isRunning } from "@slipway/core";
import { lacksMongo, startMongo, unexpected } from "@slipway/testkit";
import type { TestMongo } from "@slipway/testkit";
import { fileQueries } from "../blobs/gridfs-files.ts";
import { openGridFsBlobs } from "../blobs/gridfs.ts";
import { appQueries } from "./apps.ts";
import { collaboratorQueries } from "./collaborators.ts";
import { deploymentQueries } from "./deployments.ts";
import { logQueries } from "./logs.ts";
import { notifierQueries } from "./notifiers.ts";
import { operationQueries } from "./operations.ts";
import { receiptQueries } from "./receipts.ts";
import { releaseQueries } from "./releases.ts";
import { sourceQueries } from "./sources.ts";
import { openMongoStore } from "./store.ts";
import { usageQueries } from "./usage.ts";
import { tokenQueries, userQueries } from "./users.ts";
import { appsPipeline } from "./waiting-apps.ts";

interface Query {
  readonly filter?: Filter<Document>;
  /** The order in which the index itself must return the documents, without a sort. */
  readonly sort?: Sort;
  /** The order of a small number of documents, which may be sorted. */
  readonly sortOfFew?: Sort;
  readonly limit?: number;
  /** The kind of query. Default: a find. */
  readonly as?: "count" | "apps";
  /** Other indexes that PostgreSQL may use: it neither sorts by them nor distinguishes partial from full ones. */
  readonly postgres?: readonly string[];
}

const oldestFirst = { createdAt: 1, _id: 1 } as const;
const limit = 10;
const some = new ObjectId();
/** The collections have texts as ids, unlike the type `Document`. */
const twoIds: object = appQueries.many(["1", "2"]);

/** Collection, the index that must be used, query. */
const plans: readonly (readonly [string, string, Query])[] = [
  ["users", "users_username", { filter: userQueries.byUsername("u") }],
  [
    "users",
    "users_username",
    { sort: { username: 1 }, limit, postgres: ["_id_", "users_email", "users_operators"] },
  ],
  ["users", "users_email", { filter: userQueries.byEmail("e") }],
  ["users", "users_operators", { filter: userQueries.operators, as: "count" }],
  ["tokens", "tokens_secret", { filter: tokenQueries.bySecret("s") }],
  ["tokens", "tokens_of_user", { filter: tokenQueries.ofUser("1"), sort: oldestFirst }],
  ["apps", "apps_name", { filter: appQueries.byName("n") }],
  ["apps", "apps_of_owner", { filter: appQueries.ofOwner("1") }],
  [
    "apps",
    "apps_name",
    { filter: appQueries.after("n"), sort: { name: 1 }, limit, postgres: ["apps_of_owner"] },
  ],
  [
    "apps",
    "apps_name",
    { filter: appQueries.named("n"), sort: { name: 1 }, limit, postgres: ["apps_of_owner"] },
  ],
  ["apps", "_id_", { filter: { ...appQueries.named("n"), ...twoIds }, sortOfFew: { name: 1 } }],
  ["users", "_id_", { filter: twoIds }],
  ["apps", "apps_deleted", { filter: appQueries.deleted, sort: { deletedAt: 1 } }],
  [
    "collaborators",
    "collaborators_user_of_app",
    {
      filter: collaboratorQueries.find("1", "1"),
      postgres: ["collaborators_of_app", "collaborators_of_user"],
    },
  ],
  [
    "collaborators",
    "collaborators_of_app",
    { filter: collaboratorQueries.ofApp("1"), sort: oldestFirst, postgres: ["collaborators_user_of_app"] },
  ],
  ["collaborators", "collaborators_of_user", { filter: collaboratorQueries.ofUser("1"), sort: oldestFirst }],
  [
    "sources",
    "sources_by_expiry",
    { filter: sourceQueries.expired(new Date(5)), sort: { expiresAt: 1 }, limit },
  ],
  ["sources", "sources_of_owner", { filter: usageQueries.sources("1") }],
  [
    "operations",
    "operations_lane",
    { filter: usageQueries.unfinished("pending", ["1", "2"]), postgres: ["operations_of_app"] },
  ],
  [
    "operations",
    "operations_one_running",
    { filter: usageQueries.unfinished("running", ["1", "2"]), postgres: ["operations_of_app"] },
  ],
  [
    "deployments",
    "deployments_number",
    { filter: deploymentQueries.ofApp("1"), sort: { number: -1 }, limit, postgres: ["deployments_recent"] },
  ],
  [
    "deployments",
    "deployments_number",
    { filter: deploymentQueries.before("1", 5), as: "count", postgres: ["deployments_recent"] },
  ],
  [
    "deployments",
    "deployments_number",
    {
      filter: deploymentQueries.between("1", 2, 5),
      sort: { number: 1 },
      limit,
      postgres: ["deployments_recent"],
    },
  ],
  [
    "deployments",
    "deployments_lane",
    { filter: deploymentQueries.lane("1"), sort: { number: 1 }, limit, postgres: ["deployments_number"] },
  ],
  [
    "deployments",
    "deployments_by_time",
    {
      filter: deploymentQueries.search({ statuses: null, appIds: null, since: null }),
      sort: { createdAt: -1, _id: -1 },
      limit,
    },
  ],
  ["deployments", "deployments_recent", { filter: deploymentQueries.unfinished("1") }],
  [
    "deployments",
    "deployments_lane",
    { filter: deploymentQueries.queuedAfter("1"), sort: { appId: 1, number: 1 }, limit },
  ],
  [
    "deployments",
    "deployments_one_running",
    {
      filter: deploymentQueries.allRunning,
      sort: { appId: 1 },
      postgres: ["deployments_running_of_owner"],
    },
  ],
  ["deployments", "deployments_one_running", { filter: deploymentQueries.runningOf(["1", "2"]) }],
  ["deployments", "deployments_one_running", { filter: deploymentQueries.running("1") }],
  [
    "deployments",
    "deployments_running_of_owner",
    { filter: deploymentQueries.runningOfOwner("1"), postgres: ["deployments_one_running"] },
  ],
  [
    "deployments",
    "deployments_unsealed",
    { filter: deploymentQueries.unsealed(new Date(999)), sort: { finishedAt: 1 }, limit },
  ],
  [
    "deployments",
    "deployments_recent",
    { filter: deploymentQueries.recent("1", new Date(999)), sortOfFew: { number: 1 } },
  ],
  [
    "deployments",
    "deployments_recent",
    { filter: deploymentQueries.recentOf(["1", "2"], new Date(999)), as: "apps" },
  ],
  ["deployments", "deployments_source", { filter: deploymentQueries.needsSource("1"), limit: 1 }],
  [
    "receipts",
    "receipts_of_image",
    { filter: receiptQueries.ofImage("1", "1"), sort: { createdAt: -1 }, limit: 1 },
  ],
  ["receipts", "receipts_of_image", { filter: receiptQueries.ofDeployments("1", ["1"], ["2"]) }],
  ["receipts", "receipts_of_image", { filter: receiptQueries.ofApp("1") }],
  ["releases", "releases_number", { filter: releaseQueries.ofApp("1"), sort: { number: -1 }, limit }],
  ["releases", "releases_deployment", { filter: releaseQueries.ofDeployment("1") }],
  ["releases", "releases_number", { filter: releaseQueries.byNumber("1", 1) }],
  [
    "operations",
    "operations_lane",
    { filter: operationQueries.pending("1"), sort: oldestFirst, limit, postgres: ["operations_of_app"] },
  ],
  [
    "operations",
    "operations_lane",
    { filter: operationQueries.waitingAfter("1"), sort: { appId: 1, ...oldestFirst }, limit },
  ],
  ["operations", "operations_lane", { filter: operationQueries.waiting, as: "apps" }],
  ["operations", "operations_one_running", { filter: operationQueries.allRunning, sort: { appId: 1 } }],
  ["operations", "operations_one_running", { filter: operationQueries.allRunning, as: "apps" }],
  ["operations", "operations_one_running", { filter: operationQueries.running("1") }],
  ["operations", "operations_ended", { filter: operationQueries.endedBefore(new Date(5)) }],
  ["operations", "operations_of_app", { filter: operationQueries.ofApp("1") }],
  ["notifiers", "notifiers_of_app", { filter: notifierQueries.ofApp("1"), sort: oldestFirst }],
  [
    "deliveries",
    "deliveries_of_notifier",
    { filter: notifierQueries.deliveries("1"), sort: { createdAt: -1, _id: -1 }, limit },
  ],
  [
    "deliveries",
    "deliveries_by_age",
    { filter: notifierQueries.deliveriesBefore(new Date(5)), sort: { createdAt: 1 }, limit },
  ],
  ["deliveries", "deliveries_of_app", { filter: notifierQueries.deliveriesOfApp("1") }],
  ["logChunks", "log_chunks_seq", { filter: logQueries.upTo("1", 5), sort: { firstSeq: -1 } }],
  ["logChunks", "log_chunks_seq", { filter: logQueries.after("1", 5), sort: { firstSeq: 1 }, limit }],
  ["logChunks", "log_chunks_seq", { filter: logQueries.all("1"), sort: { firstSeq: -1 } }],
  ["blobs.keys", "blob_keys_file", { filter: fileQueries.pointing(some) }],
  ["blobs.doomed", "blob_doomed_at", { filter: fileQueries.overdue(new Date(5)), sort: { at: 1 }, limit }],
  ["blobs.chunks", "files_id_1_n_1", { filter: fileQueries.window(some, 0), sort: { n: 1 } }],
  ["blobs.chunks", "files_id_1_n_1", { filter: fileQueries.chunks(some), sort: { n: -1 }, limit: 1 }],
];

describe.skipIf(await lacksMongo())("queries of MongoDB", () => {
  let mongo: TestMongo;
  let client: MongoClient;
  beforeAll(async () => {
    mongo = await startMongo();
    // Opening the store creates the indexes.
    await using _store = await openMongoStore({ url: mongo.url });
    await using _blobs = await openGridFsBlobs({ url: mongo.url, onError: unexpected });
    client = await MongoClient.connect(mongo.url);
    await fill(client);
  });
  afterAll(async () => {
    await client.close();
    await mongo[Symbol.asyncDispose]();
  });

  test.each(plans)("queries of MongoDB on %s use the index %s: %j", async (collection, index, query) => {
    const { mongodb, postgres } = plansIn(await explain(client, collection, query));
    expect(mongodb.length + postgres.length).toBeGreaterThan(0);
    const allowed = new Set([index, ...(postgres.length > 0 ? (query.postgres ?? []) : [])]);
    const used = indexesIn([...mongodb, ...postgres]);
    expect(used).not.toEqual([]);
    expect(used.filter((name) => !allowed.has(name))).toEqual([]);
    expect(JSON.stringify([...mongodb, ...postgres])).not.toMatch(/COLLSCAN|Seq Scan/);
    const sorting = query.sort === undefined ? /^$/ : /"stage":"SORT/;
    expect(JSON.stringify(mongodb)).not.toMatch(sorting);
  });

  test("queries of MongoDB for the apps with notifiers use the index notifiers_of_app", async ({ skip }) => {
    const { postgres } = plansIn(await explain(client, "notifiers", {}));
    skip(postgres.length > 0, "PostgreSQL does not show the plan of a distinct");
    const { mongodb } = plansIn(
      await client.db().command({ explain: { distinct: "notifiers", key: "appId" } }),
    );
    expect(new Set(indexesIn(mongodb))).toEqual(new Set(["notifiers_of_app"]));
  });
});

async function explain(client: MongoClient, name: string, query: Query): Promise<Document> {
  const { filter = {}, sort, sortOfFew, limit: most = 0, as } = query;
  const collection = client.db().collection(name);
  if (as === "apps") return collection.aggregate(appsPipeline(filter)).explain();
  if (as === "count")
    return collection.aggregate([{ $match: filter }, { $group: { _id: 1, n: { $sum: 1 } } }]).explain();
  return collection
    .find(filter)
    .sort(sort ?? sortOfFew ?? {})
    .limit(most)
    .explain();
}

/** MongoDB's winning plans, or PostgreSQL's without the costs of other indexes. */
function plansIn(explained: unknown): { mongodb: unknown[]; postgres: unknown[] } {
  const [mongodb, postgres]: [unknown[], unknown[]] = [[], []];
  JSON.stringify(explained, (key, value: unknown) => {
    if (key === "winningPlan") mongodb.push(value);
    if (key === "Plan") postgres.push(JSON.parse(JSON.stringify(value, withoutCosts)));
    return key === "rejectedPlans" || key === "winningPlan" || key === "Plan" ? undefined : value;
  });
  return { mongodb, postgres };
}

function withoutCosts(key: string, value: unknown): unknown {
  return key === "IndexCosts" ? undefined : value;
}

function indexesIn(found: readonly unknown[]): string[] {
  const names = JSON.stringify(found).matchAll(/"(?:indexName|Index Name)":"([^"]+)"/g);
  return [...names].map((match) => match[1] ?? "");
}

/** Many apps, owners and files with some documents each, so that a plan that reads them all costs more than one that does not. */
async function fill(client: MongoClient): Promise<void> {
  const make = (collection: string, documentOf: (index: number) => Document) =>
    client
      .db()
      .collection(collection)
      .insertMany(Array.from({ length: 1_000 }, (_, index) => documentOf(index)));
  const at = (index: number) => new Date(index);
  const group = (index: number) => String(index % 50);
  await make("users", (index) => ({ username: `u${index}`, email: `e${index}`, operator: index === 0 }));
  await make("tokens", (index) => ({
    secretSha256: `s${index}`,
    userId: group(index),
    createdAt: at(index),
  }));
  await make("apps", (index) => ({
    name: `n${index}`,
    ownerId: group(index),
    live: index % 10 > 0,
    deletedAt: index % 10 > 0 ? null : at(index),
  }));
  await make("collaborators", (index) => ({
    appId: group(index),
    userId: String(Math.floor(index / 50)),
    createdAt: at(index),
  }));
  await make("sources", (index) => ({ expiresAt: at(index) }));
  await make("deployments", (index) => {
    const first = index < 50 ? (["queued", "building"] as const)[index % 2] : undefined;
    const status = first ?? (deploymentStatuses.filter(isFinal)[index % 6] as string);
    return {
      appId: group(index),
      ownerId: String(index % 7),
      number: Math.floor(index / 50) + 1,
      status,
      running: isRunning(status as (typeof deploymentStatuses)[number]),
      unsealed: first === undefined && index % 100 === 0,
      logSha256: first === undefined && index % 100 > 0 ? "s" : null,
      finishedAt: first === undefined ? at(index) : null,
      source: { kind: "upload", sourceId: String(index) },
    };
  });
  await make("releases", (index) => ({
    appId: group(index),
    number: Math.floor(index / 50) + 1,
    deploymentId: String(index),
  }));
  await make("receipts", (index) => ({
    appId: group(index),
    imageDigest: String(index),
    createdAt: at(index),
  }));
  await make("operations", (index) => ({
    appId: group(index),
    status: index < 50 ? (["pending", "running"] as const)[index % 2] : "done",
    createdAt: at(index),
    finishedAt: index < 50 ? null : at(index),
  }));
  await make("notifiers", (index) => ({ appId: group(index), createdAt: at(index) }));
  await make("deliveries", (index) => ({
    appId: group(index),
    notifierId: group(index),
    createdAt: at(index),
  }));
  await make("logChunks", (index) => ({
    deploymentId: group(index),
    firstSeq: Math.floor(index / 50),
    attempt: 1,
  }));
  await make("blobs.keys", () => ({ fileId: new ObjectId() }));
  await make("blobs.doomed", (index) => ({ token: "t", at: at(index) }));
  await make("blobs.chunks", (index) => ({ files_id: new ObjectId(), n: index }));
}
