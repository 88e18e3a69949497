// What the store promises about receipts and their keys.

import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import { aReceipt, aReceiptKey, testTime } from "../fixtures.ts";
import type { StoreUnderTest } from "./under-test.ts";

export function receiptsContract({ store, other }: StoreUnderTest): void {
  describe("receipts", () => {
    test("a deployment has a receipt for each image that it built", async () => {
      const [first, second] = [aReceipt(), aReceipt({ imageDigest: "sha256:b" })];
      const both = [first, { ...second, deploymentId: first.deploymentId, appId: first.appId }];
      for (const receipt of both) await store().receipts.put(receipt);
      for (const receipt of both)
        expect(await other().receipts.get(receipt.deploymentId, receipt.imageDigest)).toEqual(receipt);
      expect(await store().receipts.get(first.deploymentId, "sha256:c")).toBeNull();
      expect(await store().receipts.get(randomUUID(), first.imageDigest)).toBeNull();
    });

    test("a receipt is replaced by one of the same or a later attempt, not of an earlier one", async () => {
      const receipt = aReceipt({ attempt: 2 });
      await store().receipts.put(receipt);
      const { deploymentId, imageDigest } = receipt;
      for (const [attempt, envelope, expected] of [
        [2, "again", "again"],
        [1, "late", "again"],
        [3, "newer", "newer"],
      ] as const) {
        await other().receipts.put({ ...receipt, attempt, envelope });
        expect((await store().receipts.get(deploymentId, imageDigest))?.envelope).toBe(expected);
      }
    });

    test("the newest receipt of an image is found among an app's deployments", async () => {
      const old = aReceipt();
      const newer = { ...old, deploymentId: randomUUID(), createdAt: new Date(testTime.getTime() + 1) };
      const ofOther = { ...newer, deploymentId: randomUUID(), appId: randomUUID() };
      for (const receipt of [newer, old, ofOther]) await store().receipts.put(receipt);
      expect(await store().receipts.newestOf(old.appId, old.imageDigest)).toEqual(newer);
      expect(await store().receipts.newestOf(old.appId, "sha256:c")).toBeNull();
      await store().receipts.removeOfApp(old.appId);
      expect(await store().receipts.newestOf(old.appId, old.imageDigest)).toBeNull();
      expect(await store().receipts.newestOf(ofOther.appId, old.imageDigest)).toEqual(ofOther);
    });

    test("receipts of removed deployments are removed, but for those of kept images", async () => {
      const gone = aReceipt();
      const { appId } = gone;
      const ofKeptImage = aReceipt({ appId, imageDigest: "sha256:kept" });
      const others = [aReceipt({ appId }), aReceipt({ deploymentId: gone.deploymentId })];
      for (const receipt of [gone, ofKeptImage, ...others]) await store().receipts.put(receipt);
      const ids = [gone.deploymentId, ofKeptImage.deploymentId];
      await store().receipts.removeOfDeployments(appId, ids, ["sha256:kept"]);
      const left = (receipt: typeof gone) =>
        store()
          .receipts.newestOf(receipt.appId, receipt.imageDigest)
          .then((found) => found?.deploymentId);
      expect(await store().receipts.get(gone.deploymentId, "sha256:unknown")).toBeNull();
      expect(await left(gone)).toBe(others[0]?.deploymentId);
      expect(await left(ofKeptImage)).toBe(ofKeptImage.deploymentId);
    });
  });
}

export function receiptKeysContract({ store, other }: StoreUnderTest): void {
  describe("keys of receipts", () => {
    test("a key is stored once, and keys are listed oldest first", async () => {
      const newer = aReceiptKey({ createdAt: new Date(testTime.getTime() + 1) });
      const key = aReceiptKey();
      for (const one of [newer, key]) await store().receipts.addKey(one);
      await Promise.all([
        store().receipts.addKey({ ...key, createdAt: new Date() }),
        other().receipts.addKey(key),
      ]);
      const ids = new Set([key.id, newer.id]);
      expect((await store().receipts.keys()).filter(({ id }) => ids.has(id))).toEqual([key, newer]);
    });
  });
}
