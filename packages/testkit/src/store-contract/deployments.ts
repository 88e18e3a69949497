// What the store promises about one deployment: its number, compare-and-set, and one running at a time.

import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import { changeStatus, claim, deploymentStatuses, queuedDeployment, runningStatuses } from "@slipway/core";
import type { Deployment, NewDeployment } from "@slipway/core";
import { aNewDeployment, stepsTo, testTime } from "../fixtures.ts";
import type { StoreUnderTest } from "./under-test.ts";
import { bringTo, oneToTwenty } from "./deployment-moves.ts";

const change = { at: testTime, lineCount: 3 };

export function deploymentsContract(underTest: StoreUnderTest): void {
  createdDeployments(underTest);
  concurrentCreates(underTest);
  changedDeployments(underTest);
  oneRunningDeployment(underTest);
}

function createdDeployments(underTest: StoreUnderTest): void {
  const { store, other } = underTest;
  const { create } = actionsOn(underTest);

  describe("creating a deployment", () => {
    test("creating a deployment queues it with the app's next number", async () => {
      const request = aNewDeployment();
      const deployment = await store().deployments.create(request);
      expect(deployment).toEqual(queuedDeployment(request, 1));
      expect(await other().deployments.get(request.id)).toEqual(deployment);
      expect((await create({ appId: request.appId })).number).toBe(2);
      expect((await create()).number).toBe(1);
      expect(await store().deployments.get(randomUUID())).toBeNull();
    });

    test("a deployment keeps either kind of source, and any text", async () => {
      const request = aNewDeployment({
        source: { kind: "url", url: "https://example.com/a.tar.gz?b=ü&c='\"" },
        gitRef: null,
        previousGitRef: "v1.0 🚢",
        pusher: { id: "1", username: "zoë", email: "zoë@example.com" },
      });
      await store().deployments.create(request);
      expect(await store().deployments.get(request.id)).toEqual(queuedDeployment(request, 1));
    });

    test("a deployment keeps the release that it deploys again", async () => {
      const request = aNewDeployment({ source: { kind: "release", releaseId: randomUUID() } });
      await store().deployments.create(request);
      expect(await store().deployments.get(request.id)).toEqual(queuedDeployment(request, 1));
    });

    test("a deployment keeps the image that it starts", async () => {
      const reference = `registry.example.com/app@sha256:${"0a".repeat(32)}`;
      const request = aNewDeployment({ source: { kind: "image", reference } });
      await store().deployments.create(request);
      expect(await store().deployments.get(request.id)).toEqual(queuedDeployment(request, 1));
    });

    test("creating a deployment again with its id returns what is stored now", async () => {
      const request = aNewDeployment();
      const first = await store().deployments.create(request);
      expect(await other().deployments.create(request)).toEqual(first);
      const building = claim(first, 1, change);
      await store().deployments.compareAndSet(building);
      expect(await store().deployments.create(request)).toEqual(building);
      expect((await create({ appId: request.appId })).number).toBe(2);
    });
  });
}

function concurrentCreates({ store, other }: StoreUnderTest): void {
  describe("creating deployments concurrently", () => {
    test("concurrent creates with one id store one deployment", async () => {
      const request = aNewDeployment();
      const creates = Array.from({ length: 10 }, (_, index) =>
        (index % 2 === 0 ? store() : other()).deployments.create(request),
      );
      const numbers = (await Promise.all(creates)).map((deployment) => deployment.number);
      expect(new Set(numbers)).toEqual(new Set([1]));
      const { totalCount } = await store().deployments.list(request.appId, { page: 1, perPage: 1 });
      expect(totalCount).toBe(1);
    });

    test("concurrent deployments of one app have different numbers and places in the lane", async () => {
      const appId = randomUUID();
      const creates = oneToTwenty.map((index) =>
        (index % 2 === 0 ? store() : other()).deployments.create(aNewDeployment({ appId })),
      );
      const made = (await Promise.all(creates)).sort((a, b) => a.number - b.number);
      expect(made.map((deployment) => deployment.number)).toEqual(oneToTwenty);
      expect(await store().deployments.lane(appId, 100)).toEqual(made);
    });

    test("deployments created one after the other over different connections keep their order", async () => {
      const appId = randomUUID();
      for (const index of oneToTwenty) {
        const connection = index % 2 === 0 ? store() : other();
        const { number } = await connection.deployments.create(aNewDeployment({ appId }));
        expect(number).toBe(index);
      }
    });
  });
}

function changedDeployments(underTest: StoreUnderTest): void {
  const { store, other } = underTest;
  const { create } = actionsOn(underTest);

  describe("compare-and-set of a deployment", () => {
    test.each(deploymentStatuses)(
      "compare-and-set stores each revision of a deployment up to %s",
      async (status) => {
        const deployment = await create();
        for (const step of stepsTo(deployment, status)) {
          expect(await store().deployments.compareAndSet(step)).toBe(true);
          expect(await other().deployments.get(deployment.id)).toEqual(step);
        }
      },
    );

    test("compare-and-set stores every field that a change may set", async () => {
      const pushing = await bringTo(store(), await create(), "pushing");
      const failed = changeStatus(pushing, "aborted", {
        at: new Date("2026-07-08T09:10:11.012Z"),
        lineCount: null,
        facts: {
          previousGitRef: "0a1b2c3",
          failure: {
            code: "build-failed",
            message: "compile: exit code 1 – „kaputt“\n🚢",
            hint: "read the log",
            phase: "build",
            line: 12,
          },
          timeline: [
            {
              number: 1,
              worker: "worker-1",
              engine: "unix:///run/docker.sock",
              jobAddedAt: new Date("2026-07-08T09:10:00.001Z"),
              startedAt: new Date("2026-07-08T09:10:00.002Z"),
              finishedAt: null,
              outcome: null,
              phases: [
                {
                  name: "fetch",
                  startedAt: new Date("2026-07-08T09:10:00.003Z"),
                  finishedAt: new Date("2026-07-08T09:10:00.004Z"),
                  bytes: 6_000_000_000,
                  reused: ["toolchain"],
                  outcome: "success",
                },
              ],
            },
          ],
          image: "registry.example/apps/a:1",
          imageDigest: "sha256:00",
          imageSizeBytes: 6_000_000_000,
          stackImage: "registry.example/stack:1",
          logLineCount: 70_000,
          logSha256: "ab".repeat(32),
        },
      });
      expect(await store().deployments.compareAndSet(failed)).toBe(true);
      expect(await other().deployments.get(failed.id)).toEqual(failed);
    });

    test("compare-and-set refuses a deployment whose revision is not the next one, and one that does not exist", async () => {
      const deployment = await create();
      const [first, second] = stepsTo(deployment, "pushing");
      expect(await store().deployments.compareAndSet(second ?? deployment)).toBe(false);
      expect(await store().deployments.compareAndSet(deployment)).toBe(false);
      expect(await store().deployments.compareAndSet(first ?? deployment)).toBe(true);
      expect(await store().deployments.compareAndSet(first ?? deployment)).toBe(false);
      expect(await store().deployments.get(deployment.id)).toEqual(first);
      const missing = claim(queuedDeployment(aNewDeployment(), 1), 1, change);
      expect(await store().deployments.compareAndSet(missing)).toBe(false);
      expect(await store().deployments.get(missing.id)).toBeNull();
    });

    test("one of fifty concurrent claims of a deployment succeeds", async () => {
      const deployment = await create();
      const tries = Array.from({ length: 50 }, (_, index) =>
        (index % 2 === 0 ? store() : other()).deployments.compareAndSet(claim(deployment, index + 1, change)),
      );
      const winners = (await Promise.all(tries)).flatMap((won, index) => (won ? [index + 1] : []));
      expect(winners).toHaveLength(1);
      expect((await store().deployments.get(deployment.id))?.attempt).toBe(winners[0]);
    });
  });
}

function oneRunningDeployment(underTest: StoreUnderTest): void {
  const { store, other } = underTest;
  const { create } = actionsOn(underTest);

  describe("one running deployment per app", () => {
    test.each(runningStatuses)(
      "an app has no second running deployment while one is %s, and may have one after it",
      async (status) => {
        const appId = randomUUID();
        const [first, second] = [await create({ appId }), await create({ appId })];
        const reached = await bringTo(store(), first, status);
        const next = claim(second, 1, change);
        expect(await other().deployments.compareAndSet(next)).toBe(false);
        expect(await store().deployments.get(second.id)).toEqual(second);
        expect(await store().deployments.compareAndSet(changeStatus(reached, "aborted", change))).toBe(true);
        expect(await other().deployments.compareAndSet(next)).toBe(true);
      },
    );

    test("deployments of other apps run beside a running one, which may be claimed again", async () => {
      const reached = await bringTo(store(), await create(), "starting");
      await bringTo(store(), await create(), "building");
      expect(await store().deployments.compareAndSet(claim(reached, 2, change))).toBe(true);
    });

    test("one of twenty concurrent claims in one app succeeds", async () => {
      const appId = randomUUID();
      const lane: Deployment[] = [];
      for (const _ of oneToTwenty) lane.push(await create({ appId }));
      const claims = lane.map((deployment, index) =>
        (index % 2 === 0 ? store() : other()).deployments.compareAndSet(claim(deployment, 1, change)),
      );
      expect((await Promise.all(claims)).filter(Boolean)).toHaveLength(1);
      expect(await store().deployments.lane(appId, 100)).toHaveLength(19);
    });

    test("a requeued deployment waits at its former place in the lane", async () => {
      const appId = randomUUID();
      const [first, second] = [await create({ appId }), await create({ appId })];
      const reached = await bringTo(store(), first, "building");
      const requeued = changeStatus(reached, "queued", change);
      expect(await store().deployments.compareAndSet(requeued)).toBe(true);
      expect(await store().deployments.lane(appId, 10)).toEqual([requeued, second]);
      expect(await store().deployments.running(appId)).toBeNull();
    });
  });
}

/** Calls that the tests of this file share. */
function actionsOn({ store }: StoreUnderTest) {
  const create = (values: Partial<NewDeployment> = {}) => store().deployments.create(aNewDeployment(values));
  return { create };
}
