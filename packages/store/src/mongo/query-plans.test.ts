import { MongoClient } from "mongodb";
import type { Document, Filter } from "mongodb";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { lacksMongo, startMongo } from "@slipway/testkit";
import type { TestMongo } from "@slipway/testkit";
import { appQueries } from "./apps.ts";
import { collaboratorQueries } from "./collaborators.ts";
import { deploymentQueries } from "./deployments.ts";
import { logQueries } from "./logs.ts";
import { notifierQueries } from "./notifiers.ts";
import { operationQueries } from "./operations.ts";
import { releaseQueries } from "./releases.ts";
import { sourceQueries } from "./sources.ts";
import { openMongoStore } from "./store.ts";
import { tokenQueries, userQueries } from "./users.ts";

interface Query {
  readonly filter: Filter<Document>;
  readonly sort?: Record<string, 1 | -1>;
}

/** Collection, query, the indexes any of which it may go by. */
const plans: readonly (readonly [string, Query, readonly string[]])[] = [
  ["users", { filter: userQueries.byUsername("u") }, ["users_username"]],
  ["users", { filter: userQueries.byEmail("e") }, ["users_email"]],
  ["users", { filter: userQueries.operators }, ["users_operators"]],
  ["tokens", { filter: tokenQueries.bySecret("s") }, ["tokens_secret"]],
  ["tokens", { filter: tokenQueries.ofUser("u"), sort: { createdAt: 1, _id: 1 } }, ["tokens_of_user"]],
  ["apps", { filter: appQueries.byName("n") }, ["apps_name"]],
  ["apps", { filter: appQueries.all, sort: { name: 1 } }, ["apps_name", "apps_of_owner"]],
  ["apps", { filter: appQueries.ofOwner("o"), sort: { name: 1 } }, ["apps_of_owner"]],
  ["apps", { filter: appQueries.deleted, sort: { deletedAt: 1 } }, ["apps_deleted"]],
  [
    "collaborators",
    { filter: collaboratorQueries.find("a", "u") },
    ["collaborators_user_of_app", "collaborators_of_app", "collaborators_of_user"],
  ],
  [
    "collaborators",
    { filter: collaboratorQueries.ofApp("a"), sort: { createdAt: 1, _id: 1 } },
    ["collaborators_of_app", "collaborators_user_of_app"],
  ],
  [
    "collaborators",
    { filter: collaboratorQueries.ofUser("u"), sort: { createdAt: 1, _id: 1 } },
    ["collaborators_of_user"],
  ],
  ["sources", { filter: sourceQueries.expired(new Date()), sort: { expiresAt: 1 } }, ["sources_by_expiry"]],
  [
    "deployments",
    { filter: deploymentQueries.ofApp("a"), sort: { number: -1 } },
    ["deployments_number", "deployments_recent"],
  ],
  ["deployments", { filter: deploymentQueries.queued }, ["deployments_lane"]],
  ["deployments", { filter: deploymentQueries.lane("a"), sort: { number: 1 } }, ["deployments_lane"]],
  [
    "deployments",
    { filter: deploymentQueries.allRunning, sort: { appId: 1 } },
    ["deployments_one_running", "deployments_running_of_owner"],
  ],
  ["deployments", { filter: deploymentQueries.running("a") }, ["deployments_one_running"]],
  ["deployments", { filter: deploymentQueries.runningOfOwner("o") }, ["deployments_running_of_owner"]],
  [
    "deployments",
    { filter: deploymentQueries.recent("a", new Date()), sort: { number: 1 } },
    ["deployments_recent"],
  ],
  ["deployments", { filter: deploymentQueries.needsSource("s") }, ["deployments_source"]],
  ["releases", { filter: releaseQueries.ofApp("a"), sort: { number: -1 } }, ["releases_number"]],
  ["releases", { filter: releaseQueries.ofDeployment("d") }, ["releases_deployment"]],
  ["releases", { filter: releaseQueries.byNumber("a", 1) }, ["releases_number"]],
  ["operations", { filter: operationQueries.waiting }, ["operations_lane"]],
  [
    "operations",
    { filter: operationQueries.pending("a"), sort: { createdAt: 1, _id: 1 } },
    ["operations_lane"],
  ],
  ["operations", { filter: operationQueries.allRunning, sort: { appId: 1 } }, ["operations_one_running"]],
  ["operations", { filter: operationQueries.running("a") }, ["operations_one_running"]],
  ["operations", { filter: operationQueries.endedBefore(new Date()) }, ["operations_ended"]],
  ["operations", { filter: operationQueries.ofApp("a") }, ["operations_of_app"]],
  ["notifiers", { filter: notifierQueries.ofApp("a"), sort: { createdAt: 1, _id: 1 } }, ["notifiers_of_app"]],
  [
    "deliveries",
    { filter: notifierQueries.deliveries("n"), sort: { createdAt: -1, _id: -1 } },
    ["deliveries_of_notifier"],
  ],
  [
    "deliveries",
    { filter: notifierQueries.deliveriesBefore(new Date()), sort: { createdAt: 1 } },
    ["deliveries_by_age"],
  ],
  ["logChunks", { filter: logQueries.upTo("d", 5), sort: { firstSeq: -1 } }, ["log_chunks_seq"]],
  ["logChunks", { filter: logQueries.after("d", 5), sort: { firstSeq: 1 } }, ["log_chunks_seq"]],
  ["logChunks", { filter: logQueries.all("d"), sort: { firstSeq: -1 } }, ["log_chunks_seq"]],
];

describe.skipIf(await lacksMongo())("queries of MongoDB", () => {
  let mongo: TestMongo;
  let client: MongoClient;
  beforeAll(async () => {
    mongo = await startMongo();
    // Opening makes the indexes.
    await using _store = await openMongoStore({ url: mongo.url });
    client = await MongoClient.connect(mongo.url);
  });
  afterAll(async () => {
    await client.close();
    await mongo[Symbol.asyncDispose]();
  });

  test.each(plans)(
    "of %s, %j, go by an index of theirs",
    async (collection, { filter, sort = {} }, indexes) => {
      const explained = await client.db().collection(collection).find(filter).sort(sort).explain();
      const plan = planOf(explained);
      const used = [...plan.matchAll(/"(?:indexName|Index Name)":"([^"]+)"/g)].map((match) => match[1] ?? "");
      expect(used).not.toEqual([]);
      for (const index of used) expect(indexes).toContain(index);
      expect(plan).not.toMatch(/COLLSCAN|Seq Scan/);
    },
  );
});

/** MongoDB's winning plan, or PostgreSQL's without its list of what other indexes would have cost. */
function planOf(explained: Document): string {
  const { winningPlan, Plan } = (explained["queryPlanner"] ?? {}) as Record<string, unknown>;
  return JSON.stringify(winningPlan ?? Plan, (key, value: unknown) =>
    key === "IndexCosts" ? undefined : value,
  );
}
