// The apps, deployments and log that the console's screenshots show.

import { randomUUID } from "node:crypto";
import { changeApp } from "@slipway/core";
import type { App, AttemptRecord, Deployment, DeploymentStatus, Failure, Store } from "@slipway/core";
import type { QueueSample } from "@slipway/protocol";
import { joinFleet } from "@slipway/queue";
import {
  aCollaborator,
  aLogChunk,
  aNewDeployment,
  aNewRelease,
  aNotifier,
  aPusher,
  aUser,
  aVariable,
  anApp,
  unexpected,
} from "@slipway/testkit";
import type { ApiContext } from "../src/api-context.ts";

const phases = ["fetch", "plan", "unpack", "build", "push", "start", "cutover"];
/** The usual duration of each phase, in seconds. */
const usual = [1.1, 0.4, 1.6, 14.2, 3.1, 2.4, 0.3];
const second = 1000;
const failure: Failure = {
  code: "build-failed",
  message: "npm error Missing: left-pad@1.3.0 from lock file",
  hint: "Run npm install on your machine and commit package-lock.json, then deploy again",
  phase: "build",
  line: 11,
};
const green = "\u001b[32m";
const red = "\u001b[31m";
const plain = "\u001b[0m";
const log = [
  "-----> Fetching the source",
  "       1.2 MB in 48 files",
  `-----> Node.js app detected ${green}(package-lock.json)${plain}`,
  "       Node.js 24.21.0, npm 11.19.1",
  "-----> Restoring dependencies of the last deployment",
  "-----> Installing dependencies",
  `       ${green}npm ci${plain}`,
  "npm error code EUSAGE",
  "npm error",
  "npm error `npm ci` can only install packages when package.json and package-lock.json are in sync.",
  `${red}npm error Missing: left-pad@1.3.0 from lock file${plain}`,
  "npm error",
  " !     npm error Missing: left-pad@1.3.0 from lock file",
];

interface Ending {
  readonly status: DeploymentStatus;
  readonly gitRef: string;
  /** Minutes before the present. */
  readonly minutesAgo: number;
}

/** Fills a store. @returns the name of the app with a failed deployment, and that deployment. */
export async function fillWithExamples(store: Store, now: Date) {
  const owner = await store.users.byUsername("admin");
  if (owner === null) throw new Error("the operator admin does not exist");
  const [shop] = await Promise.all(
    ["shop", "blog", "billing-api", "landing-page"].map(async (name) => {
      const app = anApp({ name, ownerId: owner.id, createdAt: now });
      await store.apps.create(app);
      return app;
    }),
  );
  if (shop === undefined) throw new Error("no app was created");
  const made = { store, app: shop, now };
  for (const [index, status] of (["success", "success", "crashed-error", "success"] as const).entries()) {
    await deployed(made, { status, gitRef: `v1.${index + 2}.0`, minutesAgo: 3_000 - index * 600 });
  }
  const failed = await deployed(made, { status: "build-error", gitRef: "v1.6.0", minutesAgo: 7 });
  await store.logs.append(aLogChunk({ deploymentId: failed.id, lines: log, at: now }));
  await store.deployments.create(
    aNewDeployment({ ...ownerFields(shop, now), gitRef: "v1.6.1", createdAt: now }),
  );
  const variables = [
    aVariable({ appId: shop.id, name: "DATABASE_URL", value: "postgres://db.example.com/shop" }),
    aVariable({ appId: shop.id, name: "GREETING", value: "hello" }),
  ];
  await store.variables.set(shop.id, variables);
  const grace = aUser({ username: "grace", email: "grace@example.com" });
  await store.users.create(grace);
  await store.collaborators.create(aCollaborator({ appId: shop.id, userId: grace.id, createdAt: now }));
  await store.notifiers.create(aNotifier({ appId: shop.id, name: "chat", createdAt: now }));
  return { app: shop.name, deployment: failed.id };
}

/** Fills the history of the queue: a wave of deployments every two hours, and an hour in which the API did not run. */
export async function fillHistory(
  { redis, keys }: Pick<ApiContext, "redis" | "keys">,
  now: Date,
): Promise<void> {
  const entries = Array.from({ length: 360 }, (_, minutesAgo) => {
    const at = now.getTime() - minutesAgo * 60 * second;
    const wave = Math.max(0, Math.sin(minutesAgo / 19));
    const waiting = Math.round(wave ** 2 * 14);
    const running = Math.min(4, waiting + (minutesAgo % 3 === 0 ? 1 : 0));
    const ended = minutesAgo % 4 === 0 ? 2 : 0;
    const sample: QueueSample = {
      at: new Date(at).toISOString(),
      waiting,
      running,
      oldest_waiting_seconds: waiting * 21,
      slots: { used: running, total: 4 },
      ended,
      failed: minutesAgo % 40 === 0 ? 1 : 0,
      mean_wait_seconds: ended === 0 ? null : 2 + waiting * 9,
      mean_duration_seconds: ended === 0 ? null : 21 + wave * 12,
    };
    return { at, minutesAgo, text: JSON.stringify(sample) };
  });
  const kept = entries.filter(({ minutesAgo }) => minutesAgo < 200 || minutesAgo > 260);
  // Prevents the API from taking samples of its own during this time.
  await redis.set(keys.queueHistoryLease, "taken", "PX", 600 * second);
  await redis.zadd(keys.queueHistory, ...kept.flatMap(({ at, text }) => [at, text]));
}

/** Adds two workers, one of which builds. Disposing the result removes them. */
export async function joinExampleWorkers(
  { redis, keys }: Pick<ApiContext, "redis" | "keys">,
  now: Date,
): Promise<AsyncDisposable> {
  await using joined = new AsyncDisposableStack();
  for (const [index, building] of [1, 0].entries()) {
    const identity = {
      id: randomUUID(),
      name: `worker-${index + 1}`,
      host: `build-${index + 1}`,
      pid: 4_100 + index,
      version: "0.1.0",
      startedAt: now.toISOString(),
      heartbeatMs: second,
      concurrency: 2,
      operationConcurrency: 4,
      engine: { address: "unix:///var/run/docker.sock", cpus: 4, memoryBytes: 16 * 1024 ** 3 },
    };
    const counts = { countUsers: async () => 2, countBuilding: () => building };
    joined.use(joinFleet({ redis, keys, onError: unexpected, ...counts }, identity, () => new Date()));
  }
  return joined.move();
}

async function deployed(
  { store, app, now }: { readonly store: Store; readonly app: App; readonly now: Date },
  { status, gitRef, minutesAgo }: Ending,
): Promise<Deployment> {
  const createdAt = new Date(now.getTime() - minutesAgo * 60 * second);
  const queued = await store.deployments.create(
    aNewDeployment({ ...ownerFields(app, createdAt), gitRef, createdAt }),
  );
  const attempt = attemptOf(createdAt, status);
  const next: Deployment = {
    ...queued,
    revision: queued.revision + 1,
    status,
    attempt: 1,
    startedAt: attempt.startedAt,
    finishedAt: attempt.finishedAt,
    failure: status === "success" ? null : failure,
    timeline: [attempt],
    logLineCount: log.length,
  };
  if (!(await store.deployments.compareAndSet(next))) throw new Error("the example was changed meanwhile");
  if (status === "success") {
    const release = await store.releases.create(
      aNewRelease({ id: randomUUID(), appId: app.id, deploymentId: queued.id, gitRef, createdAt }),
    );
    const stored = await store.apps.get(app.id);
    if (stored !== null) {
      await store.apps.compareAndSet(changeApp(stored, createdAt, { currentReleaseId: release.id }));
    }
  }
  return next;
}

function ownerFields(app: App, createdAt: Date) {
  return { appId: app.id, ownerId: app.ownerId, pusher: aPusher({ username: "ada" }), createdAt };
}

function attemptOf(createdAt: Date, status: DeploymentStatus): AttemptRecord {
  const count = status === "success" ? phases.length : phases.indexOf("build") + 1;
  let at = createdAt.getTime() + 2 * second;
  const startedAt = new Date(at);
  const run = phases.slice(0, count).map((name, index) => {
    const started = new Date(at);
    at += (usual[index] ?? 1) * second;
    const isLast = index === count - 1;
    return {
      name,
      startedAt: started,
      finishedAt: new Date(at),
      bytes: name === "fetch" ? 1_234_567 : null,
      reused: name === "unpack" ? ["dependencies"] : [],
      outcome: isLast && status !== "success" ? ("failed" as const) : ("success" as const),
    };
  });
  const ended = {
    finishedAt: new Date(at),
    outcome: status === "success" ? ("success" as const) : ("failed" as const),
  };
  return {
    number: 1,
    worker: "worker-1",
    engine: null,
    jobAddedAt: createdAt,
    startedAt,
    phases: run,
    ...ended,
  };
}
