// API tokens end with the API token whose JWT created them, directly or through other tokens.

import { expect, test } from "vitest";
import { newUser } from "@slipway/core";
import { keysOf, memoryIdentities } from "../test-support/identities.ts";
import { openAuth } from "./auth.ts";
import type { Bearer } from "./bearer.ts";
import { issueToken, renewToken, revokeToken } from "./tokens.ts";

const now = new Date("2030-01-01T00:00:00Z");

async function start() {
  const store = memoryIdentities();
  const names = { username: "ada", email: "ada@example.com", fullname: "Ada" };
  const user = newUser({ ...names, id: "u1", operator: false, passwordHash: null, createdAt: now });
  await store.users.create(user);
  const auth = openAuth({ store, signingKeys: keysOf("k".repeat(32)), now: () => now });
  const bearerOf = async (token: string): Promise<Bearer> => {
    const bearer = await auth.identify(token);
    if (bearer === null) throw new Error("the token is not valid");
    return bearer;
  };
  const jwtOf = async (secret: string) => (await auth.exchange(secret))?.jwt ?? "";
  /** Creates a token as a client with this bearer token would. */
  const createdWith = async (bearerToken: string) => {
    const { grantedBy } = await bearerOf(bearerToken);
    return issueToken(store, user, "created", now, grantedBy);
  };
  const isValid = async (token: string) => (await auth.identify(token)) !== null;
  const login = () => issueToken(store, user, "login", now);
  return { store, user, auth, bearerOf, jwtOf, createdWith, isValid, login };
}

test("a token created with a JWT is revoked with the JWT's API token, as are tokens created with it", async () => {
  const { store, user, jwtOf, createdWith, isValid, login } = await start();
  const first = await login();
  const stays = await login();
  const byJwt = await createdWith(await jwtOf(first.secret));
  const derived = [byJwt, await createdWith(byJwt.secret), await createdWith(await jwtOf(byJwt.secret))];
  const jwt = await jwtOf(byJwt.secret);
  for (const { secret } of derived) expect(await isValid(secret)).toBe(true);
  expect(await revokeToken(store, user.id, first.token.id)).toBe(true);
  for (const { secret } of derived) expect(await isValid(secret)).toBe(false);
  expect(await isValid(jwt)).toBe(false);
  expect(await isValid(stays.secret)).toBe(true);
  expect([...store.allTokens.keys()]).toEqual([stays.token.id]);
  expect(await revokeToken(store, user.id, first.token.id)).toBe(false);
});

test("a token that was created while its parent was revoked is not valid", async () => {
  const { store, user, bearerOf, jwtOf, isValid, login } = await start();
  const first = await login();
  const { grantedBy } = await bearerOf(await jwtOf(first.secret));
  await revokeToken(store, user.id, first.token.id);
  const late = await issueToken(store, user, "late", now, grantedBy);
  expect(await isValid(late.secret)).toBe(false);
});

test("a token that an API token itself created after a login stays when that one is revoked", async () => {
  const { store, user, createdWith, isValid, login } = await start();
  const first = await login();
  const second = await createdWith(first.secret);
  await revokeToken(store, user.id, first.token.id);
  expect(await isValid(second.secret)).toBe(true);
});

test("a token renewed with a JWT is revoked with the JWT's API token", async () => {
  const { store, user, bearerOf, jwtOf, isValid, login } = await start();
  const [first, other] = [await login(), await login()];
  const bearer = await bearerOf(await jwtOf(first.secret));
  const renewed = await renewToken(store, bearer, other.token.id, now);
  expect([await isValid(other.secret), await isValid(renewed.secret)]).toEqual([false, true]);
  await revokeToken(store, user.id, first.token.id);
  expect(await isValid(renewed.secret)).toBe(false);
});

test("neither a JWT nor a token that it created can renew the token that they depend on", async () => {
  const { store, bearerOf, jwtOf, createdWith, isValid, login } = await start();
  const first = await login();
  const jwt = await jwtOf(first.secret);
  const byJwt = await createdWith(jwt);
  for (const bearerToken of [jwt, byJwt.secret, await jwtOf(byJwt.secret)]) {
    const renewed = renewToken(store, await bearerOf(bearerToken), first.token.id, now);
    await expect(renewed).rejects.toMatchObject({ code: "forbidden" });
  }
  expect(await isValid(first.secret)).toBe(true);
});

test("of concurrent renewals of a token one succeeds", async () => {
  const { store, bearerOf, login } = await start();
  const first = await login();
  const bearer = await bearerOf(first.secret);
  const results = await Promise.allSettled(
    Array.from({ length: 5 }, () => renewToken(store, bearer, first.token.id, now)),
  );
  expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  expect(store.allTokens.size).toBe(1);
});
