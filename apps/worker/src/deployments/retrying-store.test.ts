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
const away = new SlipwayError("store-unavailable", "the database is away");
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

/** The store on a network that loses answers: what is asked of it is done, and the first time nobody hears of it. */
function losingAnswers(): Store {
  let lost = false;
  const compareAndSet = async (next: Deployment) => {
    const answer = await store.deployments.compareAndSet(next);
    if (lost) return answer;
    lost = true;
    throw away;
  };
  return { ...store, deployments: { ...store.deployments, compareAndSet } };
}

test("a change whose response was lost is retried and counts as made", async () => {
  const retrying = retryingStore(losingAnswers(), never);
  const claimed = claim(created, 1, change);
  expect(await storeChange(retrying.deployments, claimed)).toBe(true);
  expect(await store.deployments.get(created.id)).toEqual(claimed);
});

test("a change that conflicts with another writer does not count as made", async () => {
  await store.deployments.compareAndSet(changeStatus(created, "aborted", change));
  const retrying = retryingStore(losingAnswers(), never);
  expect(await storeChange(retrying.deployments, claim(created, 1, change))).toBe(false);
});

test("a signal ends the waiting with its reason", async () => {
  const stop = new AbortController();
  const reason = new SlipwayError("requeued", "this worker is shutting down");
  const get = async () => {
    stop.abort(reason);
    throw away;
  };
  const retrying = retryingStore({ ...store, deployments: { ...store.deployments, get } }, stop.signal);
  await expect(retrying.deployments.get(created.id)).rejects.toBe(reason);
});
