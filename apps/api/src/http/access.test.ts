import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { once } from "node:events";
import { request } from "node:http";
import type { IncomingMessage } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { SourceAnswer } from "@slipway/protocol";
import { lacksRedis } from "@slipway/testkit";
import { startTestApi } from "../../test-support/api.ts";
import type { TestApi } from "../../test-support/api.ts";

const basic = (password: string, username = "") =>
  `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;

describe.skipIf(await lacksRedis())("authentication and rejected requests", () => {
  let api: TestApi;
  let token: string;

  beforeAll(async () => {
    api = await startTestApi();
    ({ token } = await api.newUser({ username: "ada", email: "ada@example.com", fullname: "Ada" }));
  });
  afterAll(() => api[Symbol.asyncDispose]());

  const exchange = (authorization?: string) =>
    fetch(`${api.url}/v1/tokens/exchange`, {
      method: "POST",
      body: "{}",
      headers: authorization === undefined ? {} : { authorization, "content-type": "application/json" },
    });

  const post = (body: string, type = "application/json") =>
    fetch(`${api.url}/v1/apps`, {
      method: "POST",
      body,
      headers: { authorization: `Bearer ${token}`, "content-type": type },
    });

  test("an API token is exchanged for a JWT that authenticates its user for one hour", async () => {
    const response = await exchange(basic(token));
    expect(response.status).toBe(200);
    const { token: jwt } = (await response.json()) as { token: string };
    const claims = JSON.parse(Buffer.from(jwt.split(".")[1] ?? "", "base64url").toString()) as {
      exp: number;
      iat: number;
    };
    expect(claims.exp - claims.iat).toBe(3600);
    const self = await api.request(jwt, "GET", "/v1/users/self?");
    expect(self.status).toBe(200);
    expect(self.body).toEqual({
      user: {
        id: expect.any(String),
        username: "ada",
        email: "ada@example.com",
        fullname: "Ada",
        flags: {},
        quotas: expect.objectContaining({ apps: { limit: 100, used: 0 } }),
      },
    });
  });

  test("signing keys can rotate while the API runs: signatures of an old key are valid until it is removed", async () => {
    const directory = await mkdtemp(join(tmpdir(), "slipway-keys-"));
    const file = join(directory, "signing-key");
    const write = async (...keys: string[]) => {
      await writeFile(`${file}.new`, `${keys.join("\n")}\n`);
      await rename(`${file}.new`, file);
    };
    const [first, second] = ["1".repeat(64), "2".repeat(64)];
    await write(first);
    await using other = await startTestApi({ SIGNING_KEYS_FILE: file });
    const newJwt = async () => {
      const headers = { authorization: basic(other.operatorToken) };
      const answer = await fetch(`${other.url}/v1/tokens/exchange`, { method: "POST", headers });
      return ((await answer.json()) as { token: string }).token;
    };
    const upload = async (jwt: string) => {
      const { body } = await other.request(jwt, "POST", "/v1/sources", {});
      return (body as SourceAnswer).source.upload_url;
    };
    const status = async (jwt: string) => (await other.request(jwt, "GET", "/v1/users/self")).status;
    const old = await newJwt();
    const [used, dropped] = [await upload(old), await upload(old)];
    await write(second, first);
    const next = await newJwt();
    expect([await status(old), await status(next)]).toEqual([200, 200]);
    expect((await fetch(used, { method: "PUT", body: "archive" })).status).toBe(200);
    await write(second);
    expect([await status(old), await status(next)]).toEqual([401, 200]);
    expect((await fetch(dropped, { method: "PUT", body: "archive" })).status).toBe(403);
    await rm(directory, { recursive: true });
  });

  test("credentials other than API tokens are not exchanged: 401", async () => {
    for (const authorization of [undefined, basic("tk-us-nobody"), basic(""), `Bearer ${token}`, "Basic !"]) {
      const response = await exchange(authorization);
      expect(response.status).toBe(401);
      expect(await response.json()).toEqual({ error: expect.any(String) });
    }
  });

  test("without a valid bearer token all routes that need one answer 401, and so do unknown routes", async () => {
    const routes = [
      ["GET", "/v1/users/self"],
      ["GET", "/v1/apps"],
      ["POST", "/v1/apps"],
      ["GET", "/v1/apps/demo"],
      ["DELETE", "/v1/apps/demo"],
      ["POST", "/v1/sources"],
      ["POST", "/v1/apps/demo/deployments"],
      ["GET", "/v1/apps/demo/deployments"],
      ["GET", "/v1/apps/demo/deployments/1"],
      ["GET", "/v1/apps/demo/deployments/1/output"],
      ["GET", "/v1/deployments/1/output"],
      ["DELETE", "/v1/apps/demo/caches/deployment"],
      ["GET", "/v1/apps/demo/variables"],
      ["PUT", "/v1/apps/demo/variables"],
      ["GET", "/v1/nothing"],
    ] as const;
    for (const [method, path] of routes) {
      for (const bearer of [null, "a.b.c"]) {
        const { status, body } = await api.request(bearer, method, path);
        expect([method, path, status, body]).toEqual([method, path, 401, { error: expect.any(String) }]);
      }
    }
  });

  test("regions need no bearer token and name this API", async () => {
    const { status, body } = await api.request(null, "GET", "/v1/regions?");
    expect(status).toBe(200);
    expect(body).toEqual({
      regions: [
        {
          name: "local",
          display_name: "local",
          api: api.url,
          database_api: api.url,
          dashboard: api.url,
          ssh: "127.0.0.1:22",
          default: true,
        },
      ],
    });
  });

  test("unknown routes answer 404 in JSON", async () => {
    for (const path of ["/v1/nothing", "/nothing"]) {
      const { status, body } = await api.request(token, "GET", path);
      expect([status, body]).toEqual([404, { resource: "route", error: "route not found" }]);
    }
  });

  test("malformed, oversized and unsupported bodies are rejected", async () => {
    const cases = [
      [await post("{"), 400, "the body is not valid JSON"],
      [await post("7"), 400, "the body is not valid JSON"],
      [await post(`"${"x".repeat(2 ** 20)}"`), 413, "the body is too large"],
      [
        await post("app[name]=x", "application/x-www-form-urlencoded"),
        415,
        "the body must be JSON, with Content-Type: application/json",
      ],
      [
        await post("{}", "application/json; charset=klingon"),
        415,
        "the body's character set is not supported",
      ],
    ] as const;
    for (const [response, status, error] of cases) {
      expect([response.status, await response.json()]).toEqual([status, { error }]);
    }
  });

  test("a path that cannot be decoded answers 400", async () => {
    const { status, body } = await api.request(token, "GET", "/v1/apps/%ff");
    expect([status, body]).toEqual([400, { error: "the request is malformed" }]);
  });

  test("responses do not name the server software, and have a request id", async () => {
    const { headers } = await api.request(token, "GET", "/v1/apps");
    expect(headers.get("x-powered-by")).toBeNull();
    expect(headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
    expect(headers.get("cache-control")).toBe("no-store");
    expect(headers.get("content-security-policy")).toContain("default-src 'none'");
  });

  test("a request during shutdown gets 503 with Retry-After and the common headers", async () => {
    await using other = await startTestApi();
    const { body } = await other.request(other.operatorToken, "POST", "/v1/sources", {});
    const upload = request((body as SourceAnswer).source.upload_url, {
      method: "PUT",
      headers: { expect: "100-continue" },
    });
    const answered = once(upload, "response") as Promise<[IncomingMessage]>;
    upload.flushHeaders();
    await once(upload, "continue");
    const stopped = other.service.stop({ graceMs: 60_000 });
    const refused = await fetch(`${other.url}/v1/apps`, { method: "POST", body: "x".repeat(100_000) });
    expect(Object.fromEntries(refused.headers)).toMatchObject({
      "retry-after": "5",
      connection: "close",
      "x-request-id": expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
      "content-security-policy": expect.stringContaining("default-src 'none'") as string,
    });
    expect([refused.status, await refused.json()]).toEqual([
      503,
      { error: "the server is shutting down; try again in a moment" },
    ]);
    upload.end("the archive");
    expect((await answered)[0].statusCode).toBe(200);
    await stopped;
  });

  test("health reports each part", async () => {
    const { status, body } = await api.request(null, "GET", "/health");
    expect([status, body]).toEqual([200, { status: "ok", parts: { store: "ok", blobs: "ok", redis: "ok" } }]);
  });

  test("bytes that are not HTTP get 400, and the API keeps serving", async () => {
    const socket = connect(Number(new URL(api.url).port), "127.0.0.1");
    socket.end("HELLO\r\n\r\n");
    expect(await text(socket)).toContain("400 Bad Request");
    expect((await api.request(null, "GET", "/health")).status).toBe(200);
  });
});
