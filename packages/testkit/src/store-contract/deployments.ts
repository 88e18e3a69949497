// What the store promises about one deployment: its number, compare-and-set, and one running at a time.

import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import {
  admissionOf,
  changeStatus,
  claim,
  deploymentStatuses,
  queuedDeployment,
  runningStatuses,
  SlipwayError,
} from "@slipway/core";
import type { Deployment, LaneState, NewDeployment } from "@slipway/core";
import { aNewDeployment, stepsTo, testTime } from "../fixtures.ts";
import type { StoreUnderTest } from "./under-test.ts";
import { bringTo, oneToTwenty } from "./deployment-moves.ts";

const change = { at: testTime, lineCount: 3 };

export function deploymentsContract({ store, other }: StoreUnderTest): void {
  const create = (values: Partial<NewDeployment> = {}) => store().deployments.create(aNewDeployment(values));

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

    test("creating a deployment again with its id returns what is stored now", async () => {
      const request = aNewDeployment();
      const first = await store().deployments.create(request);
      expect(await other().deployments.create(request)).toEqual(first);
      const building = claim(first, 1, change);
      await store().deployments.compareAndSet(building);
      expect(await store().deployments.create(request)).toEqual(building);
      expect((await create({ appId: request.appId })).number).toBe(2);
    });

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

  describe("the admission of a deployment", () => {
    test("an admission sees the queued and running deployments of its app only", async () => {
      const appId = randomUUID();
      const seen: LaneState[] = [];
      const admitted = () =>
        store().deployments.create(aNewDeployment({ appId }), (lane) => void seen.push(lane));
      await create();
      const first = await admitted();
      await admitted();
      await bringTo(store(), first, "building");
      await admitted();
      await bringTo(store(), (await store().deployments.get(first.id)) ?? first, "build-error");
      await admitted();
      expect(seen).toEqual([
        { queuedCount: 0, hasRunning: false },
        { queuedCount: 1, hasRunning: false },
        { queuedCount: 1, hasRunning: true },
        { queuedCount: 2, hasRunning: false },
      ]);
    });

    test("a deployment is not stored when its admission throws", async () => {
      const request = aNewDeployment();
      const refuse = () => {
        throw new SlipwayError("conflict", "the lane is full");
      };
      await expect(store().deployments.create(request, refuse)).rejects.toMatchObject({ code: "conflict" });
      expect(await other().deployments.get(request.id)).toBeNull();
      expect((await create({ appId: request.appId })).number).toBe(1);
    });

    test("an admission is not called for a deployment that is stored", async () => {
      const request = aNewDeployment();
      const stored = await store().deployments.create(request);
      expect(await other().deployments.create(request, admissionOf("reject", 1))).toEqual(stored);
    });

    test("an admission admits one of twenty concurrent deployments to an idle lane", async () => {
      const appId = randomUUID();
      const creates = oneToTwenty.map((index) =>
        (index % 2 === 0 ? store() : other()).deployments.create(
          aNewDeployment({ appId }),
          admissionOf("reject", 1),
        ),
      );
      const outcomes = await Promise.allSettled(creates);
      expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
      expect(await store().deployments.lane(appId, 100)).toHaveLength(1);
    });

    test("an admission admits as many concurrent deployments as a lane may hold", async () => {
      const appId = randomUUID();
      const creates = oneToTwenty.map((index) =>
        (index % 2 === 0 ? store() : other()).deployments.create(
          aNewDeployment({ appId }),
          admissionOf("queue", 7),
        ),
      );
      await Promise.allSettled(creates);
      expect(await store().deployments.lane(appId, 100)).toHaveLength(7);
    });

    test("an admission admits concurrent repeats of one create", async () => {
      const request = aNewDeployment();
      const creates = oneToTwenty.map((index) =>
        (index % 2 === 0 ? store() : other()).deployments.create(request, admissionOf("reject", 1)),
      );
      const numbers = (await Promise.all(creates)).map(({ number }) => number);
      expect(new Set(numbers)).toEqual(new Set([1]));
    });
  });

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
          failure: { code: "build-failed", message: "compile: exit code 1 – „kaputt“\n🚢" },
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
      const stranger = claim(queuedDeployment(aNewDeployment(), 1), 1, change);
      expect(await store().deployments.compareAndSet(stranger)).toBe(false);
      expect(await store().deployments.get(stranger.id)).toBeNull();
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
