// What the store promises about the admission of deployments to a lane.

import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import { admissionOf, SlipwayError } from "@slipway/core";
import type { LaneState, NewDeployment } from "@slipway/core";
import { aNewDeployment } from "../fixtures.ts";
import type { StoreUnderTest } from "./under-test.ts";
import { bringTo, oneToTwenty } from "./deployment-moves.ts";

export function deploymentAdmissionContract(underTest: StoreUnderTest): void {
  admissions(underTest);
  concurrentAdmissions(underTest);
}

function admissions(underTest: StoreUnderTest): void {
  const { store, other } = underTest;
  const { create } = actionsOn(underTest);

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
  });
}

function concurrentAdmissions({ store, other }: StoreUnderTest): void {
  describe("the admission of concurrent deployments", () => {
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
}

/** Calls that the tests of this file share. */
function actionsOn({ store }: StoreUnderTest) {
  const create = (values: Partial<NewDeployment> = {}) => store().deployments.create(aNewDeployment(values));
  return { create };
}
