import { SignJWT, decodeJwt, decodeProtectedHeader } from "jose";
import { beforeEach, describe, expect, test } from "vitest";
import type { User } from "@slipway/core";
import { newApiToken } from "./api-token.ts";
import { openAuth } from "./auth.ts";
import { deriveKeys } from "./keys.ts";
import { memoryIdentities } from "./test-identities.ts";

const signingKey = "0123456789abcdef0123456789abcdef";
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
  });
});

describe("exchange", () => {
  test("gives a JWT of an hour that names the user", async () => {
    const auth = openAuth({ store, signingKey, now });
    const { jwt, expiresAt } = await auth.exchange(secret);
    expect(decodeProtectedHeader(jwt)).toEqual({ alg: "HS256", typ: "JWT", kid: expect.any(String) });
    const claims = decodeJwt(jwt);
    expect(claims).toMatchObject({ sub: "u1", iss: "slipway", aud: "slipway-api" });
    expect(claims.exp).toBe(expiresAt.getTime() / 1000);
    expect(expiresAt).toEqual(new Date("2030-01-01T01:00:00Z"));
    expect(await auth.authenticate(jwt)).toEqual(user);
  });

  test("refuses unknown tokens and what is none", async () => {
    const auth = openAuth({ store, signingKey, now });
    for (const token of [newApiToken().secret, "", "tk-us-", `${secret}x`, "x".repeat(10_000)]) {
      await expect(auth.exchange(token)).rejects.toMatchObject({ code: "unauthorized" });
    }
  });
});

describe("authenticate", () => {
  test("takes the API token itself and notes its use once a minute", async () => {
    const auth = openAuth({ store, signingKey, now });
    expect(await auth.authenticate(secret)).toEqual(user);
    const first = clock;
    later(59_999);
    await auth.authenticate(secret);
    expect(store.allTokens.get("t1")?.lastUsedAt).toEqual(first);
    later(1);
    await auth.authenticate(secret);
    expect(store.allTokens.get("t1")?.lastUsedAt).toEqual(clock);
  });

  test("refuses a JWT after its hour", async () => {
    const auth = openAuth({ store, signingKey, now });
    const { jwt } = await auth.exchange(secret);
    later(3_599_000);
    expect(await auth.authenticate(jwt)).toEqual(user);
    later(1_000);
    expect(await auth.authenticate(jwt)).toBeNull();
  });

  test("refuses a JWT of another key, issuer, algorithm or form, or without an end", async () => {
    const auth = openAuth({ store, signingKey, now });
    const { jwt } = await auth.exchange(secret);
    const other = await openAuth({ store, signingKey: "f".repeat(64), now }).exchange(secret);
    const elsewhere = await openAuth({ store, signingKey, now, issuer: "elsewhere" }).exchange(secret);
    const { jwt: key, jwtKeyId } = deriveKeys(signingKey);
    const endless = await new SignJWT({ sub: "u1", iss: "slipway", aud: "slipway-api" })
      .setProtectedHeader({ alg: "HS256", kid: jwtKeyId })
      .sign(key);
    const [, payload] = jwt.split(".");
    const none = `${Buffer.from('{"alg":"none"}').toString("base64url")}.${payload}.`;
    const tampered = jwt.slice(0, -8) + (jwt.at(-8) === "A" ? "B" : "A") + jwt.slice(-7);
    for (const token of [other.jwt, elsewhere.jwt, endless, none, tampered, "a.b.c", "", "…"]) {
      expect(await auth.authenticate(token)).toBeNull();
    }
  });

  test("refuses both once the user is gone", async () => {
    const auth = openAuth({ store, signingKey, now });
    const { jwt } = await auth.exchange(secret);
    store.allUsers.delete("u1");
    expect(await auth.authenticate(jwt)).toBeNull();
    expect(await auth.authenticate(secret)).toBeNull();
  });

  test("a login that keeps its secret takes API tokens only", async () => {
    const auth = openAuth({ store, signingKey, now });
    const { jwt } = await auth.exchange(secret);
    expect(await auth.authenticateApiToken(secret)).toEqual(user);
    expect(await auth.authenticateApiToken(jwt)).toBeNull();
  });
});

test("a signing key that can be guessed is refused", () => {
  expect(() => openAuth({ store, signingKey: "short" })).toThrow(/at least 32/);
});
