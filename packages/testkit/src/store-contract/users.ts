// What the store promises about users and API tokens.

import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import { changeUser } from "@slipway/core";
import type { User } from "@slipway/core";
import { aUser, anApiToken } from "../fixtures.ts";
import type { StoreUnderTest } from "./under-test.ts";

export function usersContract(underTest: StoreUnderTest): void {
  storedUsers(underTest);
  changedUsers(underTest);
  storedTokens(underTest);
  removedTokens(underTest);
}

function storedUsers({ store, other }: StoreUnderTest): void {
  describe("users", () => {
    test("a user is found by id, username and email, as it was stored", async () => {
      const user = aUser({ fullname: "Zoë 東京 🚢", operator: true, passwordHash: "$argon2id$v=19$…" });
      await store().users.create(user);
      expect(await store().users.get(user.id)).toEqual(user);
      expect(await store().users.byEmail(user.email)).toEqual(user);
      expect(await store().users.byUsername(user.username)).toEqual(user);
    });

    test("a user that does not exist is null", async () => {
      expect(await store().users.get(randomUUID())).toBeNull();
      expect(await store().users.byUsername(randomUUID())).toBeNull();
      expect(await store().users.byEmail(randomUUID())).toBeNull();
    });

    test("several users are read at once; ids without a user have none", async () => {
      const [one, two] = [aUser(), aUser()];
      for (const user of [one, two]) await store().users.create(user);
      const found = await store().users.many([two.id, randomUUID(), one.id]);
      expect(new Map(found.map((user) => [user.id, user]))).toEqual(
        new Map([one, two].map((user) => [user.id, user])),
      );
      expect(await store().users.many([])).toEqual([]);
    });

    test.each(["id", "username", "email"] as const)(
      "a user conflicts when its %s is taken",
      async (field) => {
        const user = aUser();
        await store().users.create(user);
        const second = { ...aUser(), [field]: user[field] };
        await expect(store().users.create(second)).rejects.toMatchObject({ code: "conflict" });
        expect(await store().users.get(user.id)).toEqual(user);
      },
    );

    test("users are listed by username in pages, none missing and none twice", async () => {
      const ids = new Set<string>();
      for (let count = 0; count < 5; count += 1) {
        const user = aUser();
        ids.add(user.id);
        await store().users.create(user);
      }
      const listed: User[] = [];
      let totalCount = 0;
      for (let page = 1; page === 1 || listed.length < totalCount; page += 1) {
        const found = await other().users.list({ page, perPage: 2 });
        expect(found.users.length).toBeGreaterThan(0);
        listed.push(...found.users);
        totalCount = found.totalCount;
      }
      expect(new Set(listed.map(({ id }) => id)).size).toBe(totalCount);
      expect(listed.filter(({ id }) => ids.has(id))).toHaveLength(5);
      const names = listed.map(({ username }) => username);
      expect(names).toEqual(names.toSorted());
      expect(await store().users.list({ page: totalCount + 1, perPage: 2 })).toEqual({
        users: [],
        totalCount,
      });
    });
  });
}

function changedUsers({ store, other }: StoreUnderTest): void {
  describe("changing and deleting users", () => {
    test("one of two concurrent changes of a user succeeds, and changes all but id, username and creation time", async () => {
      const user = aUser();
      await store().users.create(user);
      const next = (fullname: string) =>
        changeUser(user, { fullname, email: `${user.id}@b.example`, operator: true, passwordHash: "h" });
      const wins = await Promise.all([
        store().users.compareAndSet(next("a")),
        other().users.compareAndSet(next("b")),
      ]);
      expect(wins.filter(Boolean)).toHaveLength(1);
      expect(await store().users.get(user.id)).toEqual(next(wins[0] ? "a" : "b"));
      expect(await store().users.compareAndSet(user)).toBe(false);
      expect(await store().users.compareAndSet(changeUser(aUser(), {}))).toBe(false);
      const back = changeUser(next("a"), { passwordHash: null, operator: false });
      expect(await store().users.compareAndSet(back)).toBe(true);
      expect(await store().users.get(user.id)).toEqual(back);
    });

    test("a user cannot change its email to another user's", async () => {
      const [user, second] = [aUser(), aUser()];
      for (const each of [user, second]) await store().users.create(each);
      const change = store().users.compareAndSet(changeUser(second, { email: user.email }));
      await expect(change).rejects.toMatchObject({ code: "conflict" });
      expect(await store().users.get(second.id)).toEqual(second);
    });

    test("operators are counted, and a user is deleted once", async () => {
      const before = await store().users.countOperators();
      const [operator, member] = [aUser({ operator: true }), aUser()];
      for (const user of [operator, member]) await store().users.create(user);
      expect(await other().users.countOperators()).toBe(before + 1);
      expect(await store().users.delete(operator.id)).toBe(true);
      expect(await store().users.delete(operator.id)).toBe(false);
      expect(await store().users.get(operator.id)).toBeNull();
      expect(await store().users.get(member.id)).toEqual(member);
      expect(await store().users.countOperators()).toBe(before);
      await store().users.create(operator);
    });
  });
}

function storedTokens({ store }: StoreUnderTest): void {
  describe("API tokens", () => {
    test("an API token is found by its secret's hash, and by id", async () => {
      const token = anApiToken();
      await store().tokens.create(token);
      expect(await store().tokens.bySecret(token.secretSha256)).toEqual(token);
      expect(await store().tokens.get(token.id)).toEqual(token);
      expect(await store().tokens.bySecret("0".repeat(64))).toBeNull();
      expect(await store().tokens.get(randomUUID())).toBeNull();
    });

    test("an API token stores the token that it depends on", async () => {
      const token = anApiToken({ parentId: randomUUID() });
      await store().tokens.create(token);
      expect(await store().tokens.get(token.id)).toEqual(token);
      expect(await store().tokens.ofUser(token.userId)).toEqual([token]);
    });

    test.each(["id", "secretSha256"] as const)(
      "an API token conflicts when its %s is taken",
      async (field) => {
        const token = anApiToken();
        await store().tokens.create(token);
        const second = { ...anApiToken(), [field]: token[field] };
        await expect(store().tokens.create(second)).rejects.toMatchObject({ code: "conflict" });
      },
    );

    test("a user's API tokens are listed oldest first, and no others", async () => {
      const userId = randomUUID();
      const tokens = [3, 1, 2].map((day) =>
        anApiToken({ userId, createdAt: new Date(Date.UTC(2026, 0, day)) }),
      );
      for (const token of [...tokens, anApiToken()]) await store().tokens.create(token);
      const days = (await store().tokens.ofUser(userId)).map((token) => token.createdAt.getUTCDate());
      expect(days).toEqual([1, 2, 3]);
      expect(await store().tokens.ofUser(randomUUID())).toEqual([]);
    });

    test("an API token stores when it was last used", async () => {
      const token = anApiToken();
      await store().tokens.create(token);
      const lastUsedAt = new Date("2026-05-06T07:08:09.010Z");
      await store().tokens.touch(token.id, lastUsedAt);
      expect(await store().tokens.bySecret(token.secretSha256)).toEqual({ ...token, lastUsedAt });
      await store().tokens.touch(randomUUID(), lastUsedAt);
    });
  });
}

function removedTokens({ store }: StoreUnderTest): void {
  describe("removing API tokens", () => {
    test("API tokens are removed with their user, and no others", async () => {
      const userId = randomUUID();
      const stays = anApiToken();
      for (const token of [anApiToken({ userId }), anApiToken({ userId }), stays]) {
        await store().tokens.create(token);
      }
      await store().tokens.removeOfUser(userId);
      await store().tokens.removeOfUser(userId);
      expect(await store().tokens.ofUser(userId)).toEqual([]);
      expect(await store().tokens.get(stays.id)).toEqual(stays);
    });

    test("an API token is deleted by its user only, and once", async () => {
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
