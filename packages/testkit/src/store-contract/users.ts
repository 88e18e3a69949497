// What the store promises about users and API tokens.

import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import { aUser, anApiToken } from "../fixtures.ts";
import type { StoreUnderTest } from "../store-contract.ts";

export function usersContract({ store }: StoreUnderTest): void {
  describe("users", () => {
    test("are found by id and by username, as they were stored", async () => {
      const user = aUser({ fullname: "Zoë 東京 🚢", operator: true });
      await store().users.create(user);
      expect(await store().users.get(user.id)).toEqual(user);
      expect(await store().users.byUsername(user.username)).toEqual(user);
    });

    test("that are not there are null", async () => {
      expect(await store().users.get(randomUUID())).toBeNull();
      expect(await store().users.byUsername(randomUUID())).toBeNull();
    });

    test.each(["id", "username", "email"] as const)("conflict when the %s is taken", async (field) => {
      const user = aUser();
      await store().users.create(user);
      const second = { ...aUser(), [field]: user[field] };
      await expect(store().users.create(second)).rejects.toMatchObject({ code: "conflict" });
      expect(await store().users.get(user.id)).toEqual(user);
    });
  });

  describe("API tokens", () => {
    test("are found by their secret's hash", async () => {
      const token = anApiToken();
      await store().tokens.create(token);
      expect(await store().tokens.bySecret(token.secretSha256)).toEqual(token);
      expect(await store().tokens.bySecret("0".repeat(64))).toBeNull();
    });

    test.each(["id", "secretSha256"] as const)("conflict when the %s is there", async (field) => {
      const token = anApiToken();
      await store().tokens.create(token);
      const second = { ...anApiToken(), [field]: token[field] };
      await expect(store().tokens.create(second)).rejects.toMatchObject({ code: "conflict" });
    });

    test("of a user come oldest first, and nobody else's", async () => {
      const userId = randomUUID();
      const tokens = [3, 1, 2].map((day) =>
        anApiToken({ userId, createdAt: new Date(Date.UTC(2026, 0, day)) }),
      );
      for (const token of [...tokens, anApiToken()]) await store().tokens.create(token);
      const days = (await store().tokens.ofUser(userId)).map((token) => token.createdAt.getUTCDate());
      expect(days).toEqual([1, 2, 3]);
      expect(await store().tokens.ofUser(randomUUID())).toEqual([]);
    });

    test("remember when they were last used", async () => {
      const token = anApiToken();
      await store().tokens.create(token);
      const lastUsedAt = new Date("2026-05-06T07:08:09.010Z");
      await store().tokens.touch(token.id, lastUsedAt);
      expect(await store().tokens.bySecret(token.secretSha256)).toEqual({ ...token, lastUsedAt });
      await store().tokens.touch(randomUUID(), lastUsedAt);
    });

    test("are deleted by their user only, and once", async () => {
      const token = anApiToken();
      await store().tokens.create(token);
      expect(await store().tokens.delete(randomUUID(), token.id)).toBe(false);
      expect(await store().tokens.bySecret(token.secretSha256)).toEqual(token);
      expect(await store().tokens.delete(token.userId, token.id)).toBe(true);
      expect(await store().tokens.delete(token.userId, token.id)).toBe(false);
      expect(await store().tokens.bySecret(token.secretSha256)).toBeNull();
    });
  });
}
