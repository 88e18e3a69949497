import { expect, test } from "vitest";
import { keysOf, memoryIdentities } from "../test-support/identities.ts";
import { newApiToken } from "./api-token.ts";
import { openAuth } from "./auth.ts";
import { ensureBootstrap } from "./bootstrap.ts";

const signingKeys = keysOf("0123456789abcdef0123456789abcdef");

test("concurrent bootstraps create one operator with one token", async () => {
  const store = memoryIdentities();
  const { secret } = newApiToken();
  await Promise.all(Array.from({ length: 20 }, () => ensureBootstrap({ store, token: secret })));
  expect(store.allUsers.size).toBe(1);
  expect(store.allTokens.size).toBe(1);
  const user = await openAuth({ store, signingKeys }).authenticate(secret);
  expect(user).toMatchObject({ username: "admin", operator: true });
});

test("a new bootstrap token replaces the former one and leaves the operator's own tokens", async () => {
  const store = memoryIdentities();
  const [first, second, own] = [newApiToken(), newApiToken(), newApiToken()];
  const admin = await ensureBootstrap({ store, token: first.secret });
  await store.tokens.create({
    id: "own",
    userId: admin.id,
    name: "bootstrap",
    secretSha256: own.secretSha256,
    createdAt: new Date(),
    lastUsedAt: null,
    parentId: null,
  });
  expect((await ensureBootstrap({ store, token: second.secret })).id).toBe(admin.id);
  const auth = openAuth({ store, signingKeys });
  expect(await auth.authenticate(first.secret)).toBeNull();
  expect(await auth.authenticate(second.secret)).toMatchObject({ id: admin.id });
  expect(await auth.authenticate(own.secret)).toMatchObject({ id: admin.id });
});

test("a malformed bootstrap token is an invalid configuration", async () => {
  const bootstrap = ensureBootstrap({ store: memoryIdentities(), token: "hunter2" });
  await expect(bootstrap).rejects.toMatchObject({ code: "configuration-invalid" });
});
