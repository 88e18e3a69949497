import { afterEach, describe, expect, test } from "vitest";
import { Redis } from "ioredis";
import { newApiToken } from "@slipway/auth";
import { redisKeys } from "@slipway/protocol";
import { anApiToken, lacksRedis } from "@slipway/testkit";
import { startTestApi } from "../../test-support/api.ts";
import type { TestApi } from "../../test-support/api.ts";

describe.skipIf(await lacksRedis())("the rate limit", () => {
  let api: TestApi;
  afterEach(() => api[Symbol.asyncDispose]());

  /** From here on Redis counts every request, even when a busy machine delays its answer. */
  const start = async (settings: Readonly<Record<string, string>>, limitTimeoutMs = 600_000) => {
    api = await startTestApi(settings, { limitTimeoutMs });
    if (settings["RATE_LIMIT"] !== "0") await countedInRedis();
    return api;
  };

  const from = (address: string, path = "/v1/regions", headers: Record<string, string> = {}) =>
    fetch(api.url + path, { headers: { ...headers, "x-forwarded-for": address } });

  const exchanged = async (secret: string) => {
    const authorization = `Basic ${Buffer.from(`:${secret}`).toString("base64")}`;
    const answer = await fetch(`${api.url}/v1/tokens/exchange`, {
      method: "POST",
      headers: { authorization },
    });
    return ((await answer.json()) as { token: string }).token;
  };

  /** Waits until the API counts in Redis. Until its connection is ready, the API counts in its own memory. */
  const countedInRedis = async () => {
    using opened = new DisposableStack();
    const redis = opened.adopt(new Redis(api.redis.url), (client) => client.disconnect());
    const { limitPrefix } = redisKeys(api.config.installationId);
    const counters = async () => {
      await api.request(api.operatorToken, "GET", "/v1/users/self");
      return redis.keys(`${limitPrefix}:requests:*`);
    };
    await expect.poll(counters).not.toEqual([]);
  };

  test("the rate limit counts per API token, counts polls separately, and sets the RateLimit headers", async () => {
    api = await start({ RATE_LIMIT: "3", RATE_LIMIT_POLLS: "5" });
    const [ada, grace] = [await api.newUser(), await api.newUser()];
    const request = (token: string, path: string) => api.request(token, "GET", path);
    const first = await request(ada.token, "/v1/users/self");
    expect(Object.fromEntries(first.headers)).toMatchObject({
      "ratelimit-policy": "3;w=60",
      "ratelimit-limit": "3",
      "ratelimit-remaining": "2",
      "ratelimit-reset": expect.stringMatching(/^\d+$/) as string,
    });
    for (let count = 0; count < 2; count += 1) {
      expect((await request(ada.token, "/v1/users/self")).status).toBe(200);
    }
    const refused = await request(ada.token, "/v1/users/self");
    expect([refused.status, refused.body]).toEqual([
      429,
      { error: "too many requests: try again after the seconds in Retry-After" },
    ]);
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
    expect((await request(grace.token, "/v1/users/self")).status).toBe(200);
    const poll = await request(ada.token, "/v1/apps/demo/deployments/1");
    expect([poll.status, poll.headers.get("ratelimit-limit")]).toEqual([404, "5"]);
  });

  test("the rate limit does not let one token use up the user's other tokens, within the user's own limit", async () => {
    api = await start({ RATE_LIMIT: "2" });
    const { token } = await api.newUser();
    const { status, body } = await api.request(token, "POST", "/v1/tokens", { name: "ci" });
    expect(status).toBe(201);
    const { token: other } = (body as { token: { token: string } }).token;
    const statuses = async (secret: string, count: number) => {
      const seen = [];
      for (let sent = 0; sent < count; sent += 1) {
        seen.push((await api.request(secret, "GET", "/v1/users/self")).status);
      }
      return seen;
    };
    expect(await statuses(token, 12)).toEqual([200, 200, ...Array<number>(10).fill(429)]);
    expect(await statuses(await exchanged(other), 1)).toEqual([200]);
    expect(await statuses(other, 1)).toEqual([429]);
  });

  test("the rate limit applies to all tokens of a user together", async () => {
    api = await start({ RATE_LIMIT: "1" });
    const { user, token } = await api.newUser();
    const { store } = api;
    const tokens = Array.from({ length: 5 }, () => newApiToken());
    for (const { secretSha256 } of tokens) {
      await store.tokens.create(anApiToken({ userId: user.id, secretSha256 }));
    }
    for (const { secret } of tokens)
      expect((await api.request(secret, "GET", "/v1/users/self")).status).toBe(200);
    const refused = await api.request(token, "GET", "/v1/users/self");
    expect([refused.status, refused.headers.get("ratelimit-limit")]).toEqual([429, "5"]);
  });

  test("the rate limit rejects requests with invalid tokens from an address, but not those with valid tokens", async () => {
    api = await start({ RATE_LIMIT_ADDRESS: "3", LOGIN_ATTEMPTS: "1" });
    const basic = (secret: string) => `Basic ${Buffer.from(`:${secret}`).toString("base64")}`;
    const status = async (method: string, path: string, secret: string) =>
      (await fetch(api.url + path, { method, headers: { authorization: basic(secret) } })).status;
    const revoked = newApiToken().secret;
    expect(await status("POST", "/v1/tokens/exchange", revoked)).toBe(401);
    expect(await status("GET", "/queues/", revoked)).toBe(401);
    expect(await status("POST", "/v1/tokens/exchange", revoked)).toBe(401);
    expect(await status("POST", "/v1/tokens/exchange", revoked)).toBe(429);
    expect(await status("GET", "/queues/", revoked)).toBe(429);
    expect(await status("POST", "/v1/tokens/exchange", api.operatorToken)).toBe(200);
    expect(await status("GET", "/queues/", api.operatorToken)).toBe(200);
  });

  test("the rate limit counts wrong passwords per account, by user name or email, from all addresses", async () => {
    api = await start({ LOGIN_ATTEMPTS: "1", TRUST_PROXY: "loopback" });
    const user = { username: "ada", email: "ada@example.com", password: "correct horse battery staple" };
    expect((await api.request(api.operatorToken, "POST", "/v1/users", { user })).status).toBe(201);
    const login = async (name: string, address: number) => {
      const authorization = `Basic ${Buffer.from(`${name}:wrong`).toString("base64")}`;
      const headers = { authorization, "x-forwarded-for": `203.0.113.${address}` };
      return (await fetch(`${api.url}/v1/tokens`, { method: "POST", headers })).status;
    };
    const names = ["ada", "ada@example.com", "ada", "Ada@Example.com", "ada", "ada@example.com"];
    const seen = [];
    for (const [address, name] of names.entries()) seen.push(await login(name, address));
    expect(seen).toEqual([401, 401, 401, 401, 401, 429]);
    expect(await login("grace", 99)).toBe(401);
  });

  test("the rate limit counts requests without a bearer token per address, which a trusted proxy reports", async () => {
    api = await start({ RATE_LIMIT_ADDRESS: "2", TRUST_PROXY: "loopback" });
    const statuses = async (address: string) => {
      const seen = [];
      for (let count = 0; count < 3; count += 1) seen.push((await from(address)).status);
      return seen;
    };
    expect(await statuses("203.0.113.7")).toEqual([200, 200, 429]);
    expect(await statuses("203.0.113.8")).toEqual([200, 200, 429]);
    const platforms = "/v1/notification_platforms";
    expect((await from("203.0.113.10", platforms)).status).toBe(200);
    for (const status of [200, 429])
      expect((await from("203.0.113.10", `${platforms}/search?name=webhook`)).status).toBe(status);
    const bad = { authorization: "Bearer a.b.c" };
    for (const status of [401, 401, 429]) {
      expect((await from("203.0.113.9", "/v1/apps", bad)).status).toBe(status);
    }
    const good = { authorization: `Bearer ${api.operatorToken}` };
    expect((await from("203.0.113.9", "/v1/apps", good)).status).toBe(200);
  });

  test("the rate limit ignores X-Forwarded-For from clients that are not trusted proxies", async () => {
    api = await start({ RATE_LIMIT_ADDRESS: "2" });
    const seen = [];
    for (const address of ["203.0.113.1", "203.0.113.2", "203.0.113.3"])
      seen.push((await from(address)).status);
    expect(seen).toEqual([200, 200, 429]);
  });

  test("the rate limit is applied per process while Redis is down, without failing requests", async () => {
    api = await start({ RATE_LIMIT_ADDRESS: "3" });
    await from("");
    await api.redis[Symbol.asyncDispose]();
    const seen = [];
    for (let count = 0; count < 4; count += 1) seen.push((await from("")).status);
    expect(seen).toEqual([200, 200, 200, 429]);
  });

  test("the rate limit is applied per process while Redis does not answer in time", async ({ skip }) => {
    api = await start({ RATE_LIMIT_ADDRESS: "3" }, 500);
    const pid = api.redis.pid ?? skip("a shared Redis cannot be stopped");
    await from("");
    process.kill(pid, "SIGSTOP");
    const seen = [];
    try {
      for (let count = 0; count < 4; count += 1) seen.push((await from("")).status);
    } finally {
      process.kill(pid, "SIGCONT");
    }
    // The process may also have counted the first request itself, when Redis answered too late.
    expect([
      [200, 200, 200, 429],
      [200, 200, 429, 429],
    ]).toContainEqual(seen);
  });

  test("the rate limit is off when set to 0", async () => {
    api = await start({ RATE_LIMIT_ADDRESS: "0", RATE_LIMIT: "0" });
    const { status, headers } = await from("");
    expect([status, headers.get("ratelimit-limit")]).toEqual([200, null]);
    const answer = await api.request(api.operatorToken, "GET", "/v1/users/self");
    expect(answer.headers.get("ratelimit-limit")).toBeNull();
  });
});

describe.skipIf(await lacksRedis())("a page of another origin", () => {
  let api: TestApi;
  afterEach(() => api[Symbol.asyncDispose]());

  const preflight = (origin: string) =>
    fetch(`${api.url}/v1/apps`, {
      method: "OPTIONS",
      headers: {
        origin,
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization",
      },
    });

  test("a page of another origin may call the API if CORS_ORIGINS names its origin", async () => {
    api = await startTestApi({ CORS_ORIGINS: "https://console.example https://other.example" });
    const answer = await preflight("https://console.example");
    expect([answer.status, answer.headers.get("access-control-allow-origin")]).toEqual([
      204,
      "https://console.example",
    ]);
    expect(answer.headers.get("access-control-allow-headers")).toContain("Authorization");
    expect((await preflight("https://evil.example")).headers.get("access-control-allow-origin")).toBeNull();
    const regions = await fetch(`${api.url}/v1/regions`, { headers: { origin: "https://other.example" } });
    expect(regions.headers.get("access-control-allow-origin")).toBe("https://other.example");
    expect(regions.headers.get("access-control-expose-headers")).toContain("RateLimit-Remaining");
    expect(regions.headers.get("access-control-allow-credentials")).toBeNull();
  });

  test("a page of another origin may not call the API by default", async () => {
    api = await startTestApi();
    const answer = await preflight("https://console.example");
    expect(answer.headers.get("access-control-allow-origin")).toBeNull();
  });
});
