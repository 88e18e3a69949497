// Builders of domain objects for tests: valid defaults and unique ids, each of which a test may override.

import { createHash, randomUUID } from "node:crypto";
import { changeStatus, claim, goLive, newApp, newOperation } from "@slipway/core";
import type {
  ApiToken,
  App,
  Collaborator,
  Delivery,
  Deployment,
  DeploymentStatus,
  LogChunk,
  NewDeployment,
  NewOperation,
  NewRelease,
  Operation,
  Notifier,
  Pusher,
  Receipt,
  ReceiptKey,
  RolloutSpec,
  Source,
  User,
  Variable,
} from "@slipway/core";

/** The default time in tests. It has milliseconds, which a store must keep. */
export const testTime: Date = new Date("2026-03-04T05:06:07.089Z");

/** For each status, the statuses after "queued" that lead to it. */
const paths: Readonly<Record<DeploymentStatus, readonly DeploymentStatus[]>> = {
  queued: [],
  building: ["building"],
  pushing: ["building", "pushing"],
  starting: ["building", "pushing", "starting"],
  success: ["building", "pushing", "starting", "success"],
  "build-error": ["building", "build-error"],
  "crashed-error": ["building", "pushing", "starting", "crashed-error"],
  "timeout-error": ["building", "pushing", "starting", "timeout-error"],
  "hook-error": ["building", "pushing", "starting", "hook-error"],
  aborted: ["aborted"],
};

export function aUser(values: Partial<User> = {}): User {
  const id = values.id ?? randomUUID();
  return {
    id,
    username: `user-${id}`,
    email: `${id}@example.com`,
    fullname: "Ada Lovelace",
    operator: false,
    passwordHash: null,
    createdAt: testTime,
    revision: 1,
    ...values,
  };
}

export function anApiToken(values: Partial<ApiToken> = {}): ApiToken {
  return {
    id: randomUUID(),
    userId: randomUUID(),
    name: "laptop",
    secretSha256: sha256(randomUUID()),
    createdAt: testTime,
    lastUsedAt: null,
    parentId: null,
    ...values,
  };
}

export function anApp(values: Partial<App> = {}): App {
  const id = values.id ?? randomUUID();
  const app = newApp({ id, name: aName(), ownerId: randomUUID(), createdAt: testTime });
  return { ...app, ...values };
}

export function aCollaborator(values: Partial<Collaborator> = {}): Collaborator {
  return {
    id: randomUUID(),
    appId: randomUUID(),
    userId: randomUUID(),
    role: "collaborator",
    createdAt: testTime,
    ...values,
  };
}

export function aNotifier(values: Partial<Notifier> = {}): Notifier {
  return {
    id: randomUUID(),
    appId: randomUUID(),
    name: "ops",
    active: true,
    target: { platform: "webhook", url: "https://example.com/hook", secret: "whsec_c2VjcmV0" },
    events: null,
    createdAt: testTime,
    updatedAt: testTime,
    revision: 1,
    ...values,
  };
}

export function aDelivery(values: Partial<Delivery> = {}): Delivery {
  return {
    id: randomUUID(),
    notifierId: randomUUID(),
    appId: randomUUID(),
    deploymentId: randomUUID(),
    event: "deployment_succeeded",
    state: "pending",
    attempts: [],
    createdAt: testTime,
    ...values,
  };
}

export function aVariable(values: Partial<Variable> = {}): Variable {
  return {
    id: randomUUID(),
    appId: randomUUID(),
    name: "GREETING",
    value: "hello",
    scope: "both",
    ...values,
  };
}

export function aSource(values: Partial<Source> = {}): Source {
  const createdAt = values.createdAt ?? testTime;
  return {
    id: randomUUID(),
    ownerId: randomUUID(),
    createdAt,
    expiresAt: new Date(createdAt.getTime() + 600_000),
    sizeBytes: null,
    ...values,
  };
}

export function aPusher(values: Partial<Pusher> = {}): Pusher {
  return { id: randomUUID(), username: "ada", email: "ada@example.com", ...values };
}

export function aNewDeployment(values: Partial<NewDeployment> = {}): NewDeployment {
  return {
    id: randomUUID(),
    appId: randomUUID(),
    ownerId: randomUUID(),
    source: { kind: "upload", sourceId: randomUUID() },
    gitRef: "4f1d0c7",
    previousGitRef: null,
    postdeployHook: null,
    pusher: aPusher(),
    createdAt: testTime,
    ...values,
  };
}

export function aNewRelease(values: Partial<NewRelease> = {}): NewRelease {
  return {
    id: randomUUID(),
    appId: randomUUID(),
    deploymentId: randomUUID(),
    image: `registry.example/apps/a@sha256:${sha256("image")}`,
    gitRef: "4f1d0c7",
    processTypes: { web: "npm start" },
    imageStart: null,
    defaults: { NODE_ENV: "production" },
    environment: { NODE_ENV: "production" },
    createdAt: testTime,
    ...values,
  };
}

export function aReceipt(values: Partial<Receipt> = {}): Receipt {
  return {
    deploymentId: randomUUID(),
    appId: randomUUID(),
    imageDigest: `sha256:${sha256("image")}`,
    attempt: 1,
    envelope: '{"payloadType":"application/vnd.in-toto+json","payload":"e30=","signatures":[]}',
    createdAt: testTime,
    ...values,
  };
}

export function aReceiptKey(values: Partial<ReceiptKey> = {}): ReceiptKey {
  return {
    id: sha256(randomUUID()),
    publicPem: "-----BEGIN PUBLIC KEY-----\n",
    createdAt: testTime,
    ...values,
  };
}

/** One instance of a release's first attempt. */
export function aRollout(values: Partial<RolloutSpec> = {}): RolloutSpec {
  const releaseId = values.releaseId ?? randomUUID();
  return {
    appId: randomUUID(),
    appName: "shop",
    releaseId,
    releaseNumber: 1,
    rolloutId: releaseId,
    count: 1,
    deploymentId: null,
    attempt: 1,
    image: `registry.example/apps/a@sha256:${sha256("image")}`,
    command: ["start", "web"],
    processType: "web",
    port: null,
    environment: {},
    healthcheck: null,
    limits: { memoryBytes: 128 * 1024 ** 2, cpus: 1, pids: 64, diskBytes: 64 * 1024 ** 2 },
    bootTimeoutMs: 60_000,
    stopGraceMs: 1_000,
    hostname: null,
    ...values,
  };
}

/** A restart, or with `webCount` a scaling. */
export function anOperation(values: Partial<NewOperation> = {}): Operation {
  const webCount = values.webCount ?? null;
  const request: NewOperation = {
    id: randomUUID(),
    appId: randomUUID(),
    kind: webCount === null ? "restart" : "scale",
    webCount,
    requestedBy: randomUUID(),
    createdAt: testTime,
    ...values,
  };
  return newOperation(request, Number.MAX_SAFE_INTEGER);
}

/** A chunk with the given lines, or with one line. */
export function aLogChunk(values: Partial<LogChunk> & { readonly lines?: readonly string[] } = {}): LogChunk {
  const { lines = ["building"], ...rest } = values;
  return {
    deploymentId: randomUUID(),
    attempt: 1,
    firstSeq: 1,
    lineCount: lines.length,
    text: lines.join("\n"),
    at: testTime,
    ...rest,
  };
}

/**
 * The deployment's revisions on the shortest path from "queued" to a status, for a compare-and-set each. The attempt is one
 * more than before, and a "success" has gone live with a release.
 */
export function stepsTo(queued: Deployment, status: DeploymentStatus, at: Date = testTime): Deployment[] {
  const steps: Deployment[] = [];
  let deployment = queued;
  for (const next of paths[status]) {
    if (next === "success") steps.push((deployment = goLive(deployment, randomUUID())));
    const options = { at, lineCount: steps.length };
    deployment =
      next === "building"
        ? claim(deployment, deployment.attempt + 1, options)
        : changeStatus(deployment, next, options);
    steps.push(deployment);
  }
  return steps;
}

/** A valid app name that no other test has. */
export function aName(): string {
  return `app-${randomUUID().replaceAll("-", "").slice(0, 20)}`;
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
