import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { changeStatus, claim, SlipwayError } from "@slipway/core";
import type { Deployment, Store } from "@slipway/core";
import { storeChange } from "@slipway/deployments";
import { openStore } from "@slipway/store";
import { aNewDeployment, testTime } from "@slipway/testkit";
import { retryingStore } from "./retrying-store.ts";

const change = { at: testTime, lineCount: 0 };
const unavailable = new SlipwayError("store-unavailable", "the database does not respond");
const never = new AbortController().signal;

let opened: AsyncDisposableStack;
let store: Store;
let created: Deployment;
beforeEach(async () => {
  opened = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), "slipway-retrying-"));
  opened.defer(() => rm(folder, { recursive: true, force: true }));
  store = opened.use(await openStore({ databaseUrl: `${folder}/slipway.db` }));
  created = await store.deployments.create(aNewDeployment());
});
afterEach(() => opened.disposeAsync());

/** A store whose first response is lost: the change is stored, and the caller receives an error. */
function losingFirstResponse(): Store {
  let lost = false;
  const compareAndSet = async (next: Deployment) => {
    const isStored = await store.deployments.compareAndSet(next);
    if (lost) return isStored;
    lost = true;
    throw unavailable;
  };
  return { ...store, deployments: { ...store.deployments, compareAndSet } };
}

test("a change whose response was lost is retried and reported as stored", async () => {
  const retrying = retryingStore(losingFirstResponse(), never);
  const claimed = claim(created, 1, change);
  expect(await storeChange(retrying.deployments, claimed)).toBe(true);
  expect(await store.deployments.get(created.id)).toEqual(claimed);
});

test("a change that conflicts with another writer is reported as not stored", async () => {
  await store.deployments.compareAndSet(changeStatus(created, "aborted", change));
  const retrying = retryingStore(losingFirstResponse(), never);
  expect(await storeChange(retrying.deployments, claim(created, 1, change))).toBe(false);
});

test("an aborted call is no longer retried and rejects with the signal's reason", async () => {
  const stop = new AbortController();
  const reason = new SlipwayError("requeued", "this worker is shutting down");
  const get = async () => {
    stop.abort(reason);
    throw unavailable;
  };
  const retrying = retryingStore({ ...store, deployments: { ...store.deployments, get } }, stop.signal);
  await expect(retrying.deployments.get(created.id)).rejects.toBe(reason);
});
