// All indexes, each with the queries that it serves. Unique indexes also prevent conflicting writes under concurrency.
//
// `live`, `running` and `unsealed` are derived from other fields. They are stored because partial indexes of older MongoDB versions
// do not support other conditions. They are the first field of their index, since MongoDB selects an index by its first field.

import type { IndexDescription } from "mongodb";
import { Connection } from "./connection.ts";
import type { ConnectionOptions } from "./connection.ts";

/** Time limit for creating the indexes of one collection, which takes far longer than other calls if the collection is large. */
const indexingMs = 60 * 60 * 1000;

export const indexes: Readonly<Record<string, readonly IndexDescription[]>> = {
  users: [
    // byUsername, list; one user a name
    { name: "users_username", key: { username: 1 }, unique: true },
    // byEmail; one user an address
    { name: "users_email", key: { email: 1 }, unique: true },
    // countOperators
    { name: "users_operators", key: { operator: 1 }, partialFilterExpression: { operator: true } },
  ],
  tokens: [
    // bySecret; a secret is unique
    { name: "tokens_secret", key: { secretSha256: 1 }, unique: true },
    // ofUser, oldest first; removeOfUser
    { name: "tokens_of_user", key: { userId: 1, createdAt: 1, _id: 1 } },
  ],
  apps: [
    // byName, after, search; one app a name among those not deleted
    {
      name: "apps_name",
      key: { live: 1, name: 1 },
      unique: true,
      partialFilterExpression: { live: true },
    },
    // the ids of an owner's apps
    {
      name: "apps_of_owner",
      key: { live: 1, ownerId: 1, name: 1 },
      partialFilterExpression: { live: true },
    },
    // deleted
    { name: "apps_deleted", key: { live: 1, deletedAt: 1 }, partialFilterExpression: { live: false } },
  ],
  collaborators: [
    // find; a user is an app's collaborator once
    { name: "collaborators_user_of_app", key: { appId: 1, userId: 1 }, unique: true },
    // ofApp, oldest first
    { name: "collaborators_of_app", key: { appId: 1, createdAt: 1, _id: 1 } },
    // ofUser, oldest first; removeOfUser
    { name: "collaborators_of_user", key: { userId: 1, createdAt: 1, _id: 1 } },
  ],
  sources: [
    // expired, oldest first
    { name: "sources_by_expiry", key: { expiresAt: 1 } },
    // usage
    { name: "sources_of_owner", key: { ownerId: 1 } },
  ],
  deployments: [
    // list, newest first; its count; the app's last number; a number is given once
    { name: "deployments_number", key: { appId: 1, number: 1 }, unique: true },
    // search, newest first
    { name: "deployments_by_time", key: { createdAt: -1, _id: -1 } },
    // lane, queued, waitingApps
    {
      name: "deployments_lane",
      key: { status: 1, appId: 1, number: 1 },
      partialFilterExpression: { status: "queued" },
    },
    // running, allRunning, waitingApps; one running deployment an app
    {
      name: "deployments_one_running",
      key: { running: 1, appId: 1 },
      unique: true,
      partialFilterExpression: { running: true },
    },
    // runningOfOwner
    {
      name: "deployments_running_of_owner",
      key: { running: 1, ownerId: 1 },
      partialFilterExpression: { running: true },
    },
    // unsealed, the oldest end first
    {
      name: "deployments_unsealed",
      key: { unsealed: 1, finishedAt: 1 },
      partialFilterExpression: { unsealed: true },
    },
    // recent: those that are not final, and those final since then
    { name: "deployments_recent", key: { appId: 1, finishedAt: 1 } },
    // usesSource
    {
      name: "deployments_source",
      key: { "source.kind": 1, "source.sourceId": 1, finishedAt: 1 },
      partialFilterExpression: { "source.kind": "upload" },
    },
  ],
  releases: [
    // byNumber; ofApp, newest first; the app's last number; a number is given once
    { name: "releases_number", key: { appId: 1, number: 1 }, unique: true },
    // create again; a deployment has one release
    { name: "releases_deployment", key: { deploymentId: 1 }, unique: true },
  ],
  receipts: [
    // newestOf; removeOfApp
    { name: "receipts_of_image", key: { appId: 1, imageDigest: 1, createdAt: 1 } },
  ],
  operations: [
    // pending, oldest first; waitingApps
    {
      name: "operations_lane",
      key: { status: 1, appId: 1, createdAt: 1, _id: 1 },
      partialFilterExpression: { status: "pending" },
    },
    // running, allRunning, waitingApps; one running operation an app
    {
      name: "operations_one_running",
      key: { status: 1, appId: 1 },
      unique: true,
      partialFilterExpression: { status: "running" },
    },
    // removeEnded
    { name: "operations_ended", key: { finishedAt: 1 } },
    // removeOfApp
    { name: "operations_of_app", key: { appId: 1 } },
  ],
  notifiers: [
    // ofApp, oldest first; appIds; removeOfApp
    { name: "notifiers_of_app", key: { appId: 1, createdAt: 1, _id: 1 } },
  ],
  deliveries: [
    // ofNotifier, newest first
    { name: "deliveries_of_notifier", key: { notifierId: 1, createdAt: 1, _id: 1 } },
    // removeBefore
    { name: "deliveries_by_age", key: { createdAt: 1 } },
    // removeOfApp
    { name: "deliveries_of_app", key: { appId: 1 } },
  ],
  logChunks: [
    // read, lastSeq, remove; an attempt's chunk is unique
    { name: "log_chunks_seq", key: { deploymentId: 1, firstSeq: 1, attempt: 1 }, unique: true },
  ],
};

/**
 * Creates missing indexes, over a separate connection with a long time limit. Existing indexes remain unchanged, so any number of
 * processes may call it concurrently.
 */
export async function ensureIndexes(
  options: ConnectionOptions,
  wanted: Readonly<Record<string, readonly IndexDescription[]>>,
): Promise<void> {
  await using connection = await Connection.open({ ...options, silenceMs: indexingMs });
  for (const [collection, descriptions] of Object.entries(wanted)) {
    await connection.run((database) => database.collection(collection).createIndexes([...descriptions]));
  }
}
