import { mkdtempDisposable } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import {
  changeStatus,
  claim,
  claimOperation,
  endOperation,
  SlipwayError,
  unknownOrigin,
} from "@slipway/core";
import type { AttemptOrigin, Deployment, PhaseRecord, Store } from "@slipway/core";
import { abandonDeployment, leaseDeployment, leaseOperation } from "@slipway/deployments";
import type { DeploymentLease, TracePhase } from "@slipway/deployments";
import { openStore } from "@slipway/store";
import { aNewDeployment, anOperation, testTime } from "@slipway/testkit";

const change = { at: testTime, lineCount: 0 };
const now = () => testTime;
const internal = { code: "internal" };
const log = { lineCount: 2, sha256: "ab".repeat(32) };
let opened: AsyncDisposableStack;
let store: Store;
/** The statuses that were published. */
let published: string[];
/** The phases that were published. */
let phases: string[];
/** The phases that ran within their trace spans, with their attempts. */
let traced: string[];
let errors: unknown[];
let deployment: Deployment;

beforeEach(async () => {
  opened = new AsyncDisposableStack();
  const folder = opened.use(await mkdtempDisposable(join(tmpdir(), "slipway-leases-"))).path;
  store = opened.use(await openStore({ databaseUrl: `file:${folder}/slipway.db` }));
  [published, phases, traced, errors] = [[], [], [], []];
  deployment = await store.deployments.create(aNewDeployment());
});
afterEach(() => opened.disposeAsync());

describe("the lease of a deployment", () => {
  test("a queued deployment is claimed, and its status is published", async () => {
    const lease = await leased(deployment, 1);
    expect(lease?.deployment).toMatchObject({ status: "building", attempt: 1 });
    expect(await stored()).toEqual(lease?.deployment);
    expect(published).toEqual(["building"]);
  });

  test("a final deployment is not claimed", async () => {
    const aborted = await set(changeStatus(deployment, "aborted", change));
    expect(await leased(aborted, 1)).toBeNull();
    expect(await stored()).toEqual(aborted);
  });

  test("a deployment is requeued while an operation of its app runs", async () => {
    const operation = anOperation({ appId: deployment.appId });
    await store.operations.create(operation);
    await store.operations.compareAndSet(claimOperation(operation, 1, testTime));
    await expect(leased(deployment, 1)).rejects.toMatchObject(internal);
    expect(await stored()).toMatchObject({ status: "queued", attempt: 1 });
  });

  test("a deployment is not claimed while another one of its app runs", async () => {
    const other = await store.deployments.create(aNewDeployment({ appId: deployment.appId }));
    await set(claim(other, 1, change));
    await expect(leased(deployment, 1)).rejects.toMatchObject(internal);
    expect(await stored()).toEqual(deployment);
  });

  test("the log of an aborted deployment is sealed by its last attempt only", async () => {
    const first = await leased(deployment, 1);
    const second = await leased(deployment, 2);
    await set(changeStatus(await stored(), "aborted", { ...change, lineCount: null }));
    await first?.seal(log);
    expect((await stored()).logSha256).toBeNull();
    await second?.seal(log);
    expect(await stored()).toMatchObject({ logSha256: log.sha256, logLineCount: log.lineCount });
  });
});

describe("the timeline of a deployment", () => {
  const origin = { worker: "worker-1", engine: "unix:///engine.sock", jobAddedAt: testTime };
  const output = { lastSeq: 3 };

  test("phases are published at once, and stored with the next change of the status", async () => {
    const lease = await leased(deployment, 1, origin);
    await lease?.phase("fetch", output, async (phase) => {
      phase.addBytes(40);
      phase.addBytes(2);
      phase.reuse("cache");
    });
    expect(phases).toEqual(["fetch started 3", "fetch success 3"]);
    expect(traced).toEqual(["fetch of attempt 1"]);
    expect((await stored()).timeline).toMatchObject([{ ...origin, number: 1, phases: [] }]);
    await lease?.changeStatus("pushing", 3);
    const fetched = { name: "fetch", bytes: 42, reused: ["cache"], outcome: "success" };
    expect((await stored()).timeline).toMatchObject([{ outcome: null, phases: [fetched] }]);
    lease?.[Symbol.dispose]();
  });

  test("a phase that takes long is stored while it runs", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    using _timers = { [Symbol.dispose]: () => vi.useRealTimers() };
    const lease = await leased(deployment, 1);
    const ended = Promise.withResolvers<void>();
    const running = lease?.phase("build", output, () => ended.promise);
    await vi.advanceTimersByTimeAsync(10_000);
    vi.useRealTimers();
    await vi.waitFor(async () =>
      expect((await stored()).timeline).toMatchObject([{ phases: [{ name: "build", outcome: null }] }]),
    );
    ended.resolve();
    await running;
    await lease?.changeStatus("pushing", 3);
    expect((await stored()).timeline).toMatchObject([{ phases: [{ name: "build", outcome: "success" }] }]);
    expect(errors).toEqual([]);
    lease?.[Symbol.dispose]();
  });

  test("the phase that an error ended is the innermost, with the line that it began at", async () => {
    const lease = await leased(deployment, 1);
    const error = new SlipwayError("build-failed", "no");
    const nested = lease?.phase("build", { lastSeq: 1 }, () =>
      lease.phase("install", { lastSeq: 4 }, () => Promise.reject(error)),
    );
    await expect(nested).rejects.toBe(error);
    expect(lease?.failedPhase(error)).toEqual({ name: "install", firstLine: 5 });
    expect(lease?.failedPhase(new SlipwayError("internal", "other", { cause: error }))?.name).toBe("install");
    expect(lease?.failedPhase(new SlipwayError("internal", "unknown"))).toBeNull();
    expect(phases.slice(2)).toEqual(["install failed 4", "build failed 1"]);
    lease?.[Symbol.dispose]();
  });

  test("an attempt that leaves the deployment to the next one has failed, and the next one is another entry", async () => {
    const lease = await leased(deployment, 1);
    await lease?.endAttempt("failed");
    const next = await leased(deployment, 2);
    expect((await stored()).timeline.map(({ number, outcome }) => [number, outcome])).toEqual([
      [1, "failed"],
      [2, null],
    ]);
    await next?.changeStatus("queued", 3);
    expect((await stored()).timeline[1]?.outcome).toBe("requeued");
    for (const one of [lease, next]) one?.[Symbol.dispose]();
  });
});

describe("the lease of an operation", () => {
  test("an operation is claimed, and not claimed again after its end", async () => {
    const operation = anOperation();
    await store.operations.create(operation);
    const { id: operationId, appId } = operation;
    const lease = await leaseOperation({ store, now }, { operationId, appId, attempt: 1 });
    expect(lease?.operation).toMatchObject({ status: "running", attempt: 1 });
    await lease?.end(null);
    expect(await leaseOperation({ store, now }, { operationId, appId, attempt: 2 })).toBeNull();
  });

  test("an operation is requeued while a deployment of its app runs", async () => {
    await set(claim(deployment, 1, change));
    const operation = anOperation({ appId: deployment.appId });
    await store.operations.create(operation);
    const wanted = { operationId: operation.id, appId: deployment.appId, attempt: 1 };
    await expect(leaseOperation({ store, now }, wanted)).rejects.toMatchObject(internal);
    expect(await store.operations.get(operation.id)).toMatchObject({ status: "pending", attempt: 1 });
  });

  test("an operation is not claimed while another one of its app runs", async () => {
    const { appId } = deployment;
    const [running, waiting] = [anOperation({ appId }), anOperation({ appId })];
    for (const operation of [running, waiting]) await store.operations.create(operation);
    const claimed = claimOperation(running, 1, testTime);
    await store.operations.compareAndSet(claimed);
    const wanted = { operationId: waiting.id, appId, attempt: 1 };
    await expect(leaseOperation({ store, now }, wanted)).rejects.toMatchObject(internal);
    await store.operations.compareAndSet(endOperation(claimed, testTime, null));
    expect((await leaseOperation({ store, now }, wanted))?.operation.id).toBe(waiting.id);
  });
});

test("a final deployment is not abandoned, and its leftovers stay", async () => {
  const aborted = await set(changeStatus(deployment, "aborted", change));
  const unexpected = () => Promise.reject(new Error("unexpected call"));
  const events = { created: unexpected, statusChanged: unexpected, phaseChanged: unexpected };
  const context = { store, now, events, closeLog: unexpected, removeLeftovers: unexpected };
  expect(await abandonDeployment(context, aborted.id, new SlipwayError("internal", "lost"))).toBeNull();
});

function leased(
  { id: deploymentId }: Deployment,
  attempt: number,
  origin: AttemptOrigin = unknownOrigin,
): Promise<DeploymentLease | null> {
  const events = {
    created: async () => undefined,
    statusChanged: async ({ status }: Deployment) => void published.push(status),
    phaseChanged: async (_: unknown, { name, outcome }: PhaseRecord, lineCount: number) =>
      void phases.push(`${name} ${outcome ?? "started"} ${lineCount}`),
  };
  const tracePhase: TracePhase = ({ attempt: number }, { name }, work) => {
    traced.push(`${name} of attempt ${number}`);
    return work();
  };
  return leaseDeployment(
    { store, events, now, onPhaseError: (error) => errors.push(error), tracePhase },
    { deploymentId, attempt, lineCount: 0, previousGitRef: null, origin },
  );
}

async function set(next: Deployment): Promise<Deployment> {
  expect(await store.deployments.compareAndSet(next)).toBe(true);
  return next;
}

async function stored(): Promise<Deployment> {
  const found = await store.deployments.get(deployment.id);
  if (found === null) throw new Error("the deployment is not stored");
  return found;
}
