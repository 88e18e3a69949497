import { SignJWT, decodeJwt, decodeProtectedHeader } from "jose";
import { beforeEach, describe, expect, test } from "vitest";
import type { User } from "@slipway/core";
import { keysOf, memoryIdentities } from "../test-support/identities.ts";
import { newApiToken } from "./api-token.ts";
import { openAuth } from "./auth.ts";
import type { Auth } from "./auth.ts";
import { deriveKeys } from "./keys.ts";
import { hashPassword } from "./password.ts";
import { sessionLifetimeMs } from "./session-expiry.ts";
import { startSession } from "./sessions.ts";
import { issueToken } from "./tokens.ts";

const signingKey = "0123456789abcdef0123456789abcdef";
const signingKeys = keysOf(signingKey);
const user: User = {
  id: "u1",
  username: "jane",
  email: "jane@example.com",
  fullname: "Jane",
  operator: false,
  passwordHash: null,
  createdAt: new Date(0),
  revision: 1,
};

let store: ReturnType<typeof memoryIdentities>;
let clock: Date;
let secret: string;
const now = () => clock;
const exchanged = async (auth: Auth) => {
  const answer = await auth.exchange(secret);
  if (answer === null) throw new Error("the API token was rejected");
  return answer;
};
const later = (ms: number) => {
  clock = new Date(clock.getTime() + ms);
};

beforeEach(async () => {
  store = memoryIdentities();
  clock = new Date("2030-01-01T00:00:00.250Z");
  const made = newApiToken();
  secret = made.secret;
  await store.users.create(user);
  await store.tokens.create({
    id: "t1",
    userId: "u1",
    name: "laptop",
    secretSha256: made.secretSha256,
    createdAt: clock,
    lastUsedAt: null,
    parentId: null,
  });
});

describe("exchange", () => {
  test("exchange returns a JWT that authenticates the user for one hour", async () => {
    const auth = openAuth({ store, signingKeys, now });
    const { jwt, expiresAt } = await exchanged(auth);
    expect(decodeProtectedHeader(jwt)).toEqual({ alg: "HS256", typ: "JWT", kid: expect.any(String) });
    const claims = decodeJwt(jwt);
    expect(claims).toMatchObject({ sub: "u1", iss: "slipway", aud: "slipway-api" });
    expect(claims.exp).toBe(expiresAt.getTime() / 1000);
    expect(expiresAt).toEqual(new Date("2030-01-01T01:00:00Z"));
    expect(await auth.authenticate(jwt)).toEqual(user);
    expect(await auth.identify(secret)).toEqual({ user, tokenId: "t1", grantedBy: null });
    expect(await auth.identify(jwt)).toEqual({ user, tokenId: "t1", grantedBy: "t1" });
  });

  test("exchange returns null for unknown and malformed tokens", async () => {
    const auth = openAuth({ store, signingKeys, now });
    for (const token of [newApiToken().secret, "", "tk-us-", `${secret}x`, "x".repeat(10_000)]) {
      expect(await auth.exchange(token)).toBeNull();
    }
  });
});

describe("authenticate", () => {
  test("authenticate accepts an API token, and stores its use at most once a minute", async () => {
    const auth = openAuth({ store, signingKeys, now });
    expect(await auth.authenticate(secret)).toEqual(user);
    const first = clock;
    later(59_999);
    await auth.authenticate(secret);
    expect(store.allTokens.get("t1")?.lastUsedAt).toEqual(first);
    later(1);
    await auth.authenticate(secret);
    expect(store.allTokens.get("t1")?.lastUsedAt).toEqual(clock);
  });

  test("authenticate rejects a JWT after one hour", async () => {
    const auth = openAuth({ store, signingKeys, now });
    const { jwt } = await exchanged(auth);
    later(3_599_000);
    expect(await auth.authenticate(jwt)).toEqual(user);
    later(1_000);
    expect(await auth.authenticate(jwt)).toBeNull();
  });

  test("authenticate accepts an expired JWT of an open connection, unless its API token was revoked", async () => {
    const auth = openAuth({ store, signingKeys, now });
    const { jwt } = await exchanged(auth);
    later(24 * 3_600_000);
    expect(await auth.reauthenticate(jwt)).toEqual(user);
    expect(await auth.reauthenticate(secret)).toEqual(user);
    expect(
      await openAuth({ store, signingKeys: keysOf("f".repeat(64)), now }).reauthenticate(jwt),
    ).toBeNull();
    await store.tokens.delete("u1", "t1");
    expect(await auth.reauthenticate(jwt)).toBeNull();
    expect(await auth.reauthenticate(secret)).toBeNull();
  });

  test("an expired session ends the open connections of its JWTs, and the API tokens that they created", async () => {
    const auth = openAuth({ store, signingKeys, now });
    secret = await startSession(store, user, null, clock);
    const { jwt, bearer } = await exchanged(auth);
    const created = await issueToken(store, user, "created", clock, bearer.tokenId);
    later(sessionLifetimeMs - 1);
    expect(await auth.reauthenticate(jwt)).toEqual(user);
    expect(await auth.authenticate(created.secret)).toEqual(user);
    later(1);
    expect(await auth.reauthenticate(jwt)).toBeNull();
    expect(await auth.authenticate(created.secret)).toBeNull();
    expect(await auth.exchange(created.secret)).toBeNull();
  });

  test("authenticate rejects a JWT of another key, issuer, algorithm or form, or without an expiry", async () => {
    const auth = openAuth({ store, signingKeys, now });
    const { jwt } = await exchanged(auth);
    const other = await exchanged(openAuth({ store, signingKeys: keysOf("f".repeat(64)), now }));
    const elsewhere = await exchanged(openAuth({ store, signingKeys, now, issuer: "elsewhere" }));
    const { jwt: key, jwtKeyId } = deriveKeys(signingKey);
    const signed = (claims: object) =>
      new SignJWT({ sub: "u1", iss: "slipway", aud: "slipway-api", ...claims })
        .setProtectedHeader({ alg: "HS256", kid: jwtKeyId })
        .sign(key);
    const endless = await signed({ tid: "t1" });
    const exp = Math.floor(clock.getTime() / 1000) + 60;
    expect(await auth.authenticate(await signed({ tid: "t1", exp }))).toEqual(user);
    const ofNoToken = await signed({ exp });
    const ofOthers = await signed({ tid: "t1", exp, sub: "u2" });
    const [, payload] = jwt.split(".");
    const none = `${Buffer.from('{"alg":"none"}').toString("base64url")}.${payload}.`;
    const tampered = jwt.slice(0, -8) + (jwt.at(-8) === "A" ? "B" : "A") + jwt.slice(-7);
    for (const token of [
      other.jwt,
      elsewhere.jwt,
      endless,
      ofNoToken,
      ofOthers,
      none,
      tampered,
      "a.b.c",
      "",
      "…",
    ]) {
      expect(await auth.authenticate(token)).toBeNull();
    }
  });

  test("authenticate rejects API tokens and JWTs of a deleted user", async () => {
    const auth = openAuth({ store, signingKeys, now });
    const { jwt } = await exchanged(auth);
    store.allUsers.delete("u1");
    expect(await auth.authenticate(jwt)).toBeNull();
    expect(await auth.authenticate(secret)).toBeNull();
  });

  test("authenticate accepts only API tokens for logins where the client stores the token", async () => {
    const auth = openAuth({ store, signingKeys, now });
    const { jwt } = await exchanged(auth);
    expect(await auth.authenticateApiToken(secret)).toEqual(user);
    expect(await auth.authenticateApiToken(jwt)).toBeNull();
  });

  test("authenticate rejects a JWT once its API token is revoked", async () => {
    const auth = openAuth({ store, signingKeys, now });
    const { jwt } = await exchanged(auth);
    await store.tokens.delete("u1", "t1");
    expect(await auth.authenticate(jwt)).toBeNull();
  });
});

test("the newest key signs, and JWTs of former keys are valid until the key is removed", async () => {
  const [old, next] = ["1".repeat(64), "2".repeat(64)];
  const { jwt } = await exchanged(openAuth({ store, signingKeys: keysOf(old), now }));
  const both = openAuth({ store, signingKeys: keysOf(next, old), now });
  expect(await both.authenticate(jwt)).toEqual(user);
  const { jwt: newer } = await exchanged(both);
  const after = openAuth({ store, signingKeys: keysOf(next), now });
  expect(await after.authenticate(newer)).toEqual(user);
  expect(await after.authenticate(jwt)).toBeNull();
});

describe("signIn", () => {
  const password = "correct horse battery staple";

  test("signIn finds the user by name or email, with the right password only", async () => {
    const auth = openAuth({ store, signingKeys, now });
    expect(await auth.signIn("jane", password)).toBeNull();
    const withPassword = { ...user, passwordHash: await hashPassword(password) };
    store.allUsers.set("u1", withPassword);
    expect(await auth.signIn("jane", password)).toEqual(withPassword);
    expect(await auth.signIn("Jane@Example.com", password)).toEqual(withPassword);
    for (const [name, given] of [
      ["jane", ""],
      ["jane", `${password}!`],
      ["nobody", password],
      ["nobody@example.com", password],
      ["", password],
    ] as const) {
      expect(await auth.signIn(name, given)).toBeNull();
    }
  });

  test("signIn replaces a hash of another cost", async () => {
    const auth = openAuth({ store, signingKeys, now });
    const former = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
    store.allUsers.set("u1", { ...user, passwordHash: former });
    expect(await auth.signIn("jane", "wrong")).toBeNull();
    expect(store.allUsers.get("u1")?.passwordHash).toBe(former);
    expect(await auth.signIn("jane", "password")).not.toBeNull();
    expect(store.allUsers.get("u1")).toMatchObject({
      passwordHash: expect.not.stringContaining("m=256,"),
      revision: 2,
    });
    expect(await auth.signIn("jane", "password")).not.toBeNull();
  });
});
