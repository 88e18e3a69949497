// What the store promises about notifiers and deliveries.

import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import { addAttempt } from "@slipway/core";
import type { Notifier } from "@slipway/core";
import { aDelivery, aNotifier, testTime } from "../fixtures.ts";
import type { StoreUnderTest } from "./under-test.ts";

export function notifiersContract(underTest: StoreUnderTest): void {
  storedNotifiers(underTest);
  deliveries(underTest);
}

function storedNotifiers(underTest: StoreUnderTest): void {
  const { store, other } = underTest;
  const { create, day } = actionsOn(underTest);

  describe("notifiers", () => {
    test("a notifier is found as it was stored, within its app", async () => {
      const webhook = await create({ events: ["deployment_failed"], active: false });
      const github = await create({ target: { platform: "github", token: "secret" }, events: null });
      expect(await other().notifiers.get(webhook.appId, webhook.id)).toEqual(webhook);
      expect(await other().notifiers.get(github.appId, github.id)).toEqual(github);
      expect(await store().notifiers.get(randomUUID(), webhook.id)).toBeNull();
      await expect(create({ id: webhook.id })).rejects.toMatchObject({ code: "conflict" });
    });

    test("an app's notifiers are listed oldest first, and each app with notifiers once", async () => {
      const appId = randomUUID();
      for (const number of [3, 1, 2]) await create({ appId, createdAt: day(number) });
      const created = (await store().notifiers.ofApp(appId)).map(({ createdAt }) => createdAt);
      expect(created).toEqual([day(1), day(2), day(3)]);
      expect((await store().notifiers.appIds()).filter((id) => id === appId)).toEqual([appId]);
      expect(await store().notifiers.ofApp(randomUUID())).toEqual([]);
    });

    test("a notifier is changed by revision", async () => {
      const notifier = await create();
      const next: Notifier = {
        ...notifier,
        name: "other",
        active: false,
        target: { platform: "webhook", url: "https://example.com/other", secret: "other" },
        events: ["deployment_queued"],
        updatedAt: day(9),
        revision: 2,
      };
      expect(await store().notifiers.compareAndSet(next)).toBe(true);
      expect(await other().notifiers.compareAndSet({ ...next, name: "late" })).toBe(false);
      expect(await other().notifiers.get(notifier.appId, notifier.id)).toEqual(next);
      expect(await store().notifiers.compareAndSet({ ...aNotifier(), revision: 2 })).toBe(false);
    });

    test("notifiers are deleted alone, or removed with their app", async () => {
      const appId = randomUUID();
      const [first] = [await create({ appId }), await create({ appId })];
      const stays = await create();
      expect(await store().notifiers.delete(randomUUID(), first.id)).toBe(false);
      expect(await store().notifiers.delete(appId, first.id)).toBe(true);
      expect(await store().notifiers.delete(appId, first.id)).toBe(false);
      await store().notifiers.removeOfApp(appId);
      expect(await store().notifiers.ofApp(appId)).toEqual([]);
      expect(await store().notifiers.get(stays.appId, stays.id)).toEqual(stays);
    });
  });
}

function deliveries(underTest: StoreUnderTest): void {
  const { store, other } = underTest;
  const { day } = actionsOn(underTest);

  describe("deliveries", () => {
    test("a delivery is stored as it was put, and a later one replaces it", async () => {
      const delivery = aDelivery();
      await store().deliveries.put(delivery);
      expect(await other().deliveries.get(delivery.id)).toEqual(delivery);
      const attempt = { at: day(3), durationMs: 12, status: 500, error: "answered with status 500" };
      const failed = addAttempt(delivery, attempt, "pending");
      const done = addAttempt(failed, { at: day(4), durationMs: 3, status: 200, error: null }, "delivered");
      await other().deliveries.put(failed);
      await other().deliveries.put(done);
      expect(await store().deliveries.get(delivery.id)).toEqual(done);
      expect(await store().deliveries.get("none")).toBeNull();
    });

    test("a notifier's deliveries are listed newest first, up to the limit", async () => {
      const notifierId = randomUUID();
      for (const number of [2, 3, 1]) {
        await store().deliveries.put(aDelivery({ notifierId, createdAt: day(number) }));
      }
      const shown = await store().deliveries.ofNotifier(notifierId, 2);
      expect(shown.map(({ createdAt }) => createdAt)).toEqual([day(3), day(2)]);
    });

    test("deliveries are removed with their app, or by age", async () => {
      const old = aDelivery({ createdAt: new Date(1_000) });
      const older = aDelivery({ createdAt: new Date(0) });
      const [young, ofApp] = [aDelivery({ createdAt: testTime }), aDelivery()];
      for (const each of [old, older, young, ofApp]) await store().deliveries.put(each);
      expect(await store().deliveries.removeBefore(new Date(2_000), 1)).toBe(1);
      expect(await store().deliveries.get(older.id)).toBeNull();
      expect(await store().deliveries.removeBefore(new Date(2_000), 9)).toBe(1);
      expect(await store().deliveries.removeBefore(new Date(2_000), 9)).toBe(0);
      await store().deliveries.removeOfApp(ofApp.appId);
      expect(await store().deliveries.get(ofApp.id)).toBeNull();
      expect(await store().deliveries.get(young.id)).toEqual(young);
    });
  });
}

/** Calls that the tests of this file share. */
function actionsOn({ store }: StoreUnderTest) {
  const create = async (values: Partial<Notifier> = {}) => {
    const notifier = aNotifier(values);
    await store().notifiers.create(notifier);
    return notifier;
  };
  const day = (number: number) => new Date(Date.UTC(2026, 0, number));
  return { create, day };
}
