import { beforeEach, describe, expect, test } from "vitest";
import { newUser } from "@slipway/core";
import type { App, Collaborator, User } from "@slipway/core";
import { keysOf, memoryIdentities } from "../test-support/identities.ts";
import { changeAccount, createAccount, deleteAccount } from "./accounts.ts";
import type { AccountStores } from "./accounts.ts";
import { openAuth } from "./auth.ts";
import { issueToken } from "./tokens.ts";

const now = new Date("2030-01-01T00:00:00Z");
const password = "correct horse battery staple";
const ada = { username: "ada", email: "Ada@Example.com", fullname: "Ada", operator: false, password };
const grace = { ...ada, username: "grace", email: "grace@example.com", operator: true, password: null };

let store: ReturnType<typeof memoryIdentities> & AccountStores;
let owned: App[];
let removed: string[];

beforeEach(() => {
  [owned, removed] = [[], []];
  store = {
    ...memoryIdentities(),
    apps: { search: async () => ({ apps: owned, totalCount: owned.length }) },
    collaborators: {
      removeOfUser: async (id: Collaborator["userId"]) => void removed.push(id),
    },
  };
});

const idOf = async (wanted: typeof ada | typeof grace) => (await createAccount(store, wanted, now)).id;
const signIn = () => openAuth({ store, signingKeys: keysOf("k".repeat(32)) }).signIn("ada", password);

test("a new user with a password signs in, and only its hash is stored", async () => {
  const user = await createAccount(store, ada, now);
  expect(user).toMatchObject({ username: "ada", email: "ada@example.com", createdAt: now, revision: 1 });
  expect(JSON.stringify([...store.allUsers.values()])).not.toContain(password);
  expect(await signIn()).toEqual(user);
  expect((await createAccount(store, grace, now)).passwordHash).toBeNull();
  await expect(createAccount(store, { ...ada, password: "short" }, now)).rejects.toMatchObject({
    code: "invalid",
  });
});

test("a reserved username is refused for a new user, and a user who has one can be changed", async () => {
  await expect(createAccount(store, { ...ada, username: "root" }, now)).rejects.toMatchObject({
    code: "invalid",
    message: 'username "root" is reserved; choose another one',
  });
  const existing = newUser({ ...grace, id: "r", username: "root", passwordHash: null, createdAt: now });
  await store.users.create(existing);
  expect(await changeAccount(store, "r", { fullname: "Root" })).toMatchObject({ fullname: "Root" });
});

describe("changes of an account", () => {
  test("changes of an account leave absent fields unchanged", async () => {
    const id = await idOf(ada);
    expect(await changeAccount(store, id, { fullname: "Countess" })).toMatchObject({
      fullname: "Countess",
      email: "ada@example.com",
    });
    expect(await signIn()).not.toBeNull();
    await changeAccount(store, id, { password: "another horse, another battery" });
    expect(await signIn()).toBeNull();
  });

  test("changes of a missing account, or to invalid values, are rejected", async () => {
    await expect(changeAccount(store, "missing", {})).rejects.toMatchObject({ code: "not-found" });
    const id = await idOf(ada);
    await expect(changeAccount(store, id, { email: "ada" })).rejects.toMatchObject({ code: "invalid" });
  });

  test("a change of an account is retried after a lost race, and ends with a conflict when it loses 20 races", async () => {
    const id = await idOf(ada);
    const losing = (races: number) => {
      let tries = 0;
      const users: AccountStores["users"] = {
        ...store.users,
        async compareAndSet(next) {
          tries += 1;
          if (tries > 100) throw new Error("the change does not give up");
          return tries > races && (await store.users.compareAndSet(next));
        },
      };
      return { users, tries: () => tries };
    };
    const last = losing(19);
    expect(await changeAccount(last, id, { fullname: "Countess" })).toMatchObject({ fullname: "Countess" });
    const all = losing(20);
    await expect(changeAccount(all, id, { fullname: "Ada" })).rejects.toMatchObject({
      code: "conflict",
      message: "other requests keep changing the user; try again",
    });
    expect([last.tries(), all.tries(), store.allUsers.get(id)?.fullname]).toEqual([20, 20, "Countess"]);
  });

  test("changes of an account leave at least one operator, also if the last two give up the role at the same time", async () => {
    const first = await idOf(grace);
    await expect(changeAccount(store, first, { operator: false })).rejects.toMatchObject({
      code: "conflict",
    });
    expect(store.allUsers.get(first)?.operator).toBe(true);
    const second = await idOf({ ...ada, operator: true });
    const resign = (id: string) => changeAccount(store, id, { operator: false });
    const results = await Promise.allSettled([resign(first), resign(second)]);
    expect(results.some(({ status }) => status === "rejected")).toBe(true);
    expect(await store.users.countOperators()).toBeGreaterThan(0);
  });
});

describe("the deletion of an account", () => {
  test("the deletion of an account deletes tokens and collaborations, and is idempotent", async () => {
    await idOf(grace);
    const user = await createAccount(store, ada, now);
    await issueToken(store, user, "laptop", now);
    await deleteAccount(store, user.id);
    expect([store.allUsers.has(user.id), store.allTokens.size, removed]).toEqual([false, 0, [user.id]]);
    await expect(deleteAccount(store, user.id)).rejects.toMatchObject({ code: "not-found" });
  });

  test("the deletion of an account is rejected while the user owns apps, which the error names", async () => {
    await idOf(grace);
    const id = await idOf(ada);
    owned = ["shop", "blog"].map((name) => ({ name }) as App);
    await expect(deleteAccount(store, id)).rejects.toMatchObject({
      code: "conflict",
      message: expect.stringMatching(/2 apps, .*shop, blog/) as string,
    });
    expect(store.allUsers.has(id)).toBe(true);
  });

  test("the deletion of an account leaves at least one operator, also if the last two delete each other", async () => {
    const first = await idOf(grace);
    await expect(deleteAccount(store, first)).rejects.toMatchObject({ code: "conflict" });
    const second = await idOf({ ...ada, operator: true });
    await Promise.allSettled([deleteAccount(store, first), deleteAccount(store, second)]);
    expect(await store.users.countOperators()).toBeGreaterThan(0);
  });
});

test("a user has at most a hundred API tokens, each with a name", async () => {
  const user: User = await createAccount(store, ada, now);
  const { token, secret } = await issueToken(store, user, "laptop", now);
  expect(secret).toMatch(/^tk-us-/);
  expect(token).toMatchObject({ userId: user.id, name: "laptop", createdAt: now, lastUsedAt: null });
  await expect(issueToken(store, user, " ", now)).rejects.toMatchObject({ code: "invalid" });
  for (let count = 1; count < 100; count += 1) await issueToken(store, user, "ci", now);
  await expect(issueToken(store, user, "ci", now)).rejects.toMatchObject({ code: "conflict" });
});
