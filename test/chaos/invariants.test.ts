import { createHash } from "node:crypto";
import { mkdtempDisposable } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { changeStatus, claim } from "@slipway/core";
import type { App, Deployment, Store } from "@slipway/core";
import { openStore } from "@slipway/store";
import { aLogChunk, aNewDeployment, anApp } from "@slipway/testkit";
import type { ContainerLifetime } from "./container-watch.ts";
import type { Connection } from "./follower.ts";
import { violations } from "./invariants.ts";

const lines = ["one", "two", "three"];
let opened: AsyncDisposableStack;
let store: Store;
let app: App;

beforeEach(async () => {
  opened = new AsyncDisposableStack();
  const folder = opened.use(await mkdtempDisposable(join(tmpdir(), "slipway-invariants-"))).path;
  store = opened.use(await openStore({ databaseUrl: `file:${folder}/slipway.db` }));
  app = anApp();
  await store.apps.create(app);
});
afterEach(() => opened.disposeAsync());

test("deployments that ran one after the other violate no invariant", async () => {
  const first = await built(0, 10);
  const second = await built(10, 20);
  const connections = [connection(first).slice(0, 3), [...connection(first), ...connection(second)]];
  expect(await check({ accepted: [first.id, second.id], connections })).toEqual([]);
});

test("a deployment that began before the one before it had ended is reported", async () => {
  await built(0, 10);
  await built(9, 20);
  expect(await check()).toEqual([expect.stringMatching(/^deployment 2 .* began before number 1 had ended$/)]);
});

test("a deployment that is not final, and a lost one, are reported", async () => {
  const { id } = await store.deployments.create(aNewDeployment({ appId: app.id }));
  const found = await check({ accepted: [id, "lost"] });
  expect(found.join()).toMatch(/went through queued/);
  expect(found.join()).toMatch(/the accepted deployment lost is gone/);
});

test("a log with a gap, and one that is not the closed one, are reported", async () => {
  const gap = await built(0, 10, { kept: [] });
  await store.logs.append(aLogChunk({ deploymentId: gap.id, firstSeq: 2, lines: ["two", "three"] }));
  await built(10, 20, { kept: ["one", "two", "another"] });
  const found = await check();
  expect(found).toHaveLength(2);
  expect(found.join()).toMatch(/does not go on at line 1/);
  expect(found.join()).toMatch(/is not the one that was closed/);
});

test.each([
  [
    "a line twice",
    (frames: Connection) => [...frames.slice(0, 3), ...frames.slice(2)],
    /received "one" as line 2/,
  ],
  [
    "a line left out",
    (frames: Connection) => [...frames.slice(0, 3), ...frames.slice(4)],
    /received "three" as line 2/,
  ],
  [
    "the last line left out",
    (frames: Connection) => [...frames.slice(0, -2), ...frames.slice(-1)],
    /2 of 3 lines/,
  ],
  [
    "a status left out",
    (frames: Connection) => frames.slice(1),
    /received the statuses building, build-error, not queued/,
  ],
  ["no final status", (frames: Connection) => frames.slice(0, -1), /never received its final status/],
])("a follower that received %s is reported", async (_title, spoil, reason) => {
  const deployment = await built(0, 10);
  const found = await check({ connections: [spoil(connection(deployment))] });
  expect(found.join()).toMatch(reason);
});

test("concurrent builds of an app are reported, also on two engines", async () => {
  const one = lifetime(0, 10, 20);
  expect(await check({ containers: [one, lifetime(1, 20, 30)] })).toEqual([]);
  expect(await check({ containers: [one, lifetime(1, 19, 30)] })).toHaveLength(1);
  expect(await check({ containers: [lifetime(1, 5, null), one] })).toHaveLength(1);
});

/** A failed deployment, with its times in seconds of the test. */
async function built(
  startedAt: number,
  endedAt: number,
  { kept = lines }: { readonly kept?: readonly string[] } = {},
): Promise<Deployment> {
  const queued = await store.deployments.create(aNewDeployment({ appId: app.id }));
  const claimed = claim(queued, 1, { at: new Date(startedAt * 1_000), lineCount: 0 });
  const logSha256 = createHash("sha256")
    .update(`${lines.join("\n")}\n`)
    .digest("hex");
  const ended = changeStatus(claimed, "build-error", {
    at: new Date(endedAt * 1_000),
    lineCount: lines.length,
    facts: { logLineCount: lines.length, logSha256 },
  });
  await store.deployments.compareAndSet(claimed);
  await store.deployments.compareAndSet(ended);
  if (kept.length > 0) await store.logs.append(aLogChunk({ deploymentId: queued.id, lines: kept }));
  return ended;
}

/** The frames that a follower of the deployment receives: two statuses, the lines, the last status. */
function connection({ id, history }: Deployment): Connection {
  const statuses = history.map(({ status }) => ({ type: "status", id, data: { status } }) as const);
  const logs = lines.map((content) => ({ type: "log", id, data: { content } }) as const);
  return [...statuses.slice(0, -1), ...logs, ...statuses.slice(-1)];
}

function lifetime(engine: number, startedAtNs: number, endedAtNs: number | null): ContainerLifetime {
  return { engine, kind: "build", appId: app.id, deploymentId: "d", attempt: 1, startedAtNs, endedAtNs };
}

function check({
  accepted = [],
  connections,
  containers = [],
}: {
  readonly accepted?: readonly string[];
  readonly connections?: Connection[];
  readonly containers?: readonly ContainerLifetime[];
} = {}): Promise<string[]> {
  const followers = connections === undefined ? [] : [{ appId: app.id, connections }];
  const appIds = [app.id];
  return violations({ store, installationId: "none", appIds, accepted, followers, engines: [], containers });
}
