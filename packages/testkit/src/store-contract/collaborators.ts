// What the store promises about collaborators.

import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import type { Collaborator } from "@slipway/core";
import { aCollaborator } from "../fixtures.ts";
import type { StoreUnderTest } from "./under-test.ts";

export function collaboratorsContract(underTest: StoreUnderTest): void {
  storedCollaborators(underTest);
  changedCollaborators(underTest);
}

function storedCollaborators(underTest: StoreUnderTest): void {
  const { store, other } = underTest;
  const { create } = actionsOn(underTest);

  describe("collaborators", () => {
    test("a collaborator is found by id within its app, and by user", async () => {
      const limited = await create({ role: "limited" });
      const { appId, id, userId } = limited;
      expect(await store().collaborators.get(appId, id)).toEqual(limited);
      expect(await other().collaborators.find(appId, userId)).toEqual(limited);
      expect(await store().collaborators.get(randomUUID(), id)).toBeNull();
      expect(await store().collaborators.find(randomUUID(), userId)).toBeNull();
      expect(await store().collaborators.find(appId, randomUUID())).toBeNull();
    });

    test("an app and a user have one collaborator, also after concurrent creates", async () => {
      const [appId, userId] = [randomUUID(), randomUUID()];
      const creates = Array.from({ length: 10 }, (_, index) =>
        (index % 2 === 0 ? store() : other()).collaborators.create(aCollaborator({ appId, userId })),
      );
      const results = await Promise.allSettled(creates);
      const refused = results.flatMap((result) =>
        result.status === "rejected" ? [(result.reason as { code: unknown }).code] : [],
      );
      expect(refused).toEqual(Array(9).fill("conflict"));
      expect(await store().collaborators.ofApp(appId)).toHaveLength(1);
    });

    test("a collaborator conflicts when its id is taken", async () => {
      const { id } = await create();
      await expect(create({ id })).rejects.toMatchObject({ code: "conflict" });
    });

    test("an app's and a user's collaborators are listed oldest first", async () => {
      const [appId, userId] = [randomUUID(), randomUUID()];
      for (const day of [3, 1, 2]) {
        const createdAt = new Date(Date.UTC(2026, 0, day));
        await create({ appId, createdAt });
        await create({ userId, createdAt });
      }
      const days = (collaborators: Collaborator[]) =>
        collaborators.map(({ createdAt }) => createdAt.getUTCDate());
      expect(days(await store().collaborators.ofApp(appId))).toEqual([1, 2, 3]);
      expect(days(await store().collaborators.ofUser(userId))).toEqual([1, 2, 3]);
      expect(await store().collaborators.ofApp(randomUUID())).toEqual([]);
    });
  });
}

function changedCollaborators(underTest: StoreUnderTest): void {
  const { store, other } = underTest;
  const { create } = actionsOn(underTest);

  describe("changing and removing collaborators", () => {
    test("a collaborator is changed and deleted within its app only", async () => {
      const collaborator = await create();
      const { appId, id } = collaborator;
      expect(await store().collaborators.setRole(randomUUID(), id, "limited")).toBe(false);
      expect(await store().collaborators.get(appId, id)).toEqual(collaborator);
      expect(await store().collaborators.setRole(appId, id, "limited")).toBe(true);
      expect(await store().collaborators.setRole(appId, id, "limited")).toBe(true);
      expect(await other().collaborators.get(appId, id)).toEqual({ ...collaborator, role: "limited" });
      expect(await store().collaborators.delete(randomUUID(), id)).toBe(false);
      expect(await store().collaborators.delete(appId, id)).toBe(true);
      expect(await store().collaborators.delete(appId, id)).toBe(false);
      expect(await store().collaborators.find(appId, collaborator.userId)).toBeNull();
    });

    test("collaborators are removed with their app, or with their user", async () => {
      const [appId, userId] = [randomUUID(), randomUUID()];
      const stays = await create();
      await create({ appId });
      await create({ userId });
      await store().collaborators.removeOfApp(appId);
      await store().collaborators.removeOfApp(appId);
      await store().collaborators.removeOfUser(userId);
      await store().collaborators.removeOfUser(userId);
      expect(await store().collaborators.ofApp(appId)).toEqual([]);
      expect(await store().collaborators.ofUser(userId)).toEqual([]);
      expect(await store().collaborators.get(stays.appId, stays.id)).toEqual(stays);
    });
  });
}

/** Calls that the tests of this file share. */
function actionsOn({ store }: StoreUnderTest) {
  const create = async (values: Partial<Collaborator> = {}) => {
    const collaborator = aCollaborator(values);
    await store().collaborators.create(collaborator);
    return collaborator;
  };
  return { create };
}
