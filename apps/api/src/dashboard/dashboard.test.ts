import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { lacksRedis } from "@slipway/testkit";
import { startTestApi } from "../../test-support/api.ts";
import type { TestApi } from "../../test-support/api.ts";

describe.skipIf(await lacksRedis())("the queue dashboard", () => {
  let api: TestApi;

  beforeAll(async () => {
    api = await startTestApi();
  });
  afterAll(() => api[Symbol.asyncDispose]());

  const request = (path: string, password: string | null, init: RequestInit = {}) => {
    const headers = new Headers(init.headers);
    if (password !== null) {
      headers.set("authorization", `Basic ${Buffer.from(`anyone:${password}`).toString("base64")}`);
    }
    return fetch(api.url + path, { ...init, headers });
  };

  const pause = (headers: Record<string, string>) =>
    request("/queues/api/queues/deployments/pause", api.operatorToken, { method: "PUT", headers });

  test("the queue dashboard prompts browsers for credentials", async () => {
    for (const password of [null, "wrong", "tk-us-abcdefghijklmnopqrstuvwxyz"]) {
      for (const path of ["/queues", "/queues/", "/queues/api/queues", "/queues/static/favicon-32x32.png"]) {
        const response = await request(path, password);
        expect(response.status).toBe(401);
        expect(response.headers.get("www-authenticate")).toBe(
          'Basic realm="Slipway queues", charset="UTF-8"',
        );
        expect(await response.json()).toEqual({ error: expect.any(String) });
      }
    }
  });

  test("the queue dashboard rejects JWTs and users who are not operators", async () => {
    const jwt = await fetch(`${api.url}/v1/tokens/exchange`, {
      method: "POST",
      headers: { authorization: `Basic ${Buffer.from(`:${api.operatorToken}`).toString("base64")}` },
    });
    expect((await request("/queues/", ((await jwt.json()) as { token: string }).token)).status).toBe(401);
    const { token } = await api.newUser();
    const response = await request("/queues/api/queues", token);
    expect([response.status, await response.json()]).toEqual([
      403,
      { error: "only operators may use the queue dashboard", code: "forbidden" },
    ]);
  });

  test("the queue dashboard shows an operator all queues, in pages that satisfy their content security policy", async () => {
    for (const path of ["/queues", "/queues/", "/queues/queue/deployments"]) {
      const page = await request(path, api.operatorToken);
      expect(page.status).toBe(200);
      expect(page.headers.get("x-powered-by")).toBeNull();
      const policy = page.headers.get("content-security-policy") ?? "";
      expect(policy).toContain("script-src 'self'");
      const html = await page.text();
      expect(html).toContain('<base href="/queues/"');
      const scripts = [...html.matchAll(/<script [^>]*src="([^"]+)"/g)].map(([, source]) => source ?? "");
      expect(scripts.length).toBeGreaterThan(0);
      for (const source of scripts) {
        const script = await request(`/queues/${source}`, api.operatorToken);
        expect(script.headers.get("content-type")).toContain("javascript");
      }
    }
    const answer = await request("/queues/api/queues", api.operatorToken);
    const { queues } = (await answer.json()) as { queues: { name: string }[] };
    expect(queues.map(({ name }) => name)).toEqual([
      "deployments",
      "operations",
      "slow-maintenance",
      "notifications",
      "housekeeping",
    ]);
  });

  test("the queue dashboard rejects changes that another site requests", async () => {
    const foreign: Record<string, string>[] = [
      { "sec-fetch-site": "cross-site" },
      { "sec-fetch-site": "same-site" },
      { origin: "http://evil.example" },
      { origin: "null" },
    ];
    for (const headers of foreign) {
      const response = await pause(headers);
      expect([response.status, await response.json()]).toEqual([
        403,
        { error: "the request comes from another site", code: "forbidden" },
      ]);
    }
    const own: Record<string, string>[] = [{}, { origin: api.url }, { "sec-fetch-site": "same-origin" }];
    for (const headers of own) {
      expect((await pause(headers)).status).toBe(200);
    }
  });

  test("the queue dashboard reveals no internals in its errors", async () => {
    const response = await request("/queues/api/queues/nothing", api.operatorToken);
    expect(response.status).toBe(404);
    expect(await response.text()).not.toMatch(/node_modules|at .*\.js/);
    const malformed = await request("/queues/api/queues/deployments/add", api.operatorToken, {
      method: "POST",
      body: "{",
      headers: { "content-type": "application/json" },
    });
    expect(await malformed.text()).not.toMatch(/node_modules|at .*\.js/);
  });
});
