// Every route is asked right, nearly right and wrong in every part: whatever comes, the answer is an answer.

import { Agent, request } from "node:http";
import { text } from "node:stream/consumers";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { lacksRedis } from "@slipway/testkit";
import { startTestApi } from "./test-api.ts";
import type { TestApi } from "./test-api.ts";
import { anyText, asking, encoded, headersOf, rightOf, wantedOf } from "./test-requests.ts";
import type { Asked, Operation, Wanted } from "./test-requests.ts";
import { seedFor } from "./test-seed.ts";
import type { Seed } from "./test-seed.ts";

const runsPerRoute = Number(process.env["FUZZ_RUNS"] ?? 100);
/** Nothing that is asked here takes long: an answer that takes more has got stuck. */
const hangMs = 15_000;

/** Most requests would be too many otherwise, and see nothing of the routes. */
const withoutLimits = {
  RATE_LIMIT: "0",
  RATE_LIMIT_POLLS: "0",
  RATE_LIMIT_ADDRESS: "0",
  LOGIN_ATTEMPTS: "0",
  APP_QUEUE_MAX: "100000",
};

describe.skipIf(await lacksRedis())("whatever comes", () => {
  // a connection each: one that was cut for what came over it must not fail the next request
  const agent = new Agent({ keepAlive: false });
  let api: TestApi;
  let paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  let asked = 0;
  const statuses = new Map<number, number>();

  beforeAll(async () => {
    api = await startTestApi(withoutLimits);
    const document = await (await fetch(new URL("/v1/openapi.json", api.url))).json();
    ({ paths } = document as { paths: typeof paths });
  });
  afterAll(async () => {
    agent.destroy();
    await api[Symbol.asyncDispose]();
  });

  test("is answered, by every route: no fault of ours, no stack, no wait", async () => {
    const unreached: string[] = [];
    for (const [path, methods] of Object.entries(paths)) {
      for (const [method, operation] of Object.entries(methods)) {
        const best = await tryOut(method, path, operation);
        if (best >= 300) unreached.push(`${method} ${path}: ${best}`);
      }
    }
    console.info(`${asked} requests, by status: ${JSON.stringify(Object.fromEntries(statuses))}`);
    expect([...statuses.keys()].filter((status) => status >= 500)).toEqual([]);
    // behind each door something was tried, and most of them came past the doors
    expect(unreached).toEqual([]);
    expect((statuses.get(401) ?? 0) + (statuses.get(404) ?? 0)).toBeLessThan(asked / 2);
  }, 120_000);

  test("is answered where there is no route, and by what is beside the routes", async () => {
    const anywhere = fc.record({
      method: fc.constantFrom("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "TRACE"),
      path: fc
        .tuple(fc.constantFrom("/", "/v1/", "/v1/apps/", "/docs/", "/queues/", "/health"), anyText)
        .map(([base, rest]) => base + encoded(rest)),
      headers: headersOf(api.operatorToken),
      body: anyText,
    });
    const answered = async (what: Asked) => {
      expect(await expectAnswer(what)).toBeLessThan(500);
    };
    await fc.assert(fc.asyncProperty(anywhere, answered), { numRuns: runsPerRoute * 5 });
  }, 60_000);

  /** @returns the least status that was answered. What a request used up is there again for the next. */
  async function tryOut(method: string, path: string, operation: Operation): Promise<number> {
    const usesUp = method !== "get" && /\}(\/archive|\/renew)?$/.test(path);
    let best = Number.POSITIVE_INFINITY;
    let seed = await seeded(method, path);
    const ask = async (wanted: Wanted) => {
      const status = await expectAnswer(asking(method, path, operation, seed, wanted));
      best = Math.min(best, status);
      if (usesUp && status < 300) seed = await seeded(method, path);
    };
    await fc.assert(fc.asyncProperty(wantedOf(path, operation, api.operatorToken), ask), {
      numRuns: runsPerRoute,
      endOnFailure: true,
      examples: [[rightOf(path, operation, api.operatorToken)]],
    });
    return best;
  }

  /** A deployment whose output is followed has ended: the answer would rightly not end otherwise. */
  async function seeded(method: string, path: string): Promise<Seed> {
    const seed = await seedFor(api, method);
    if (path.endsWith("/output")) {
      const deployment = `/v1/apps/${seed["app"]}/deployments/${seed["deployment"]}`;
      await api.ask(api.operatorToken, "POST", `${deployment}/abort`);
    }
    return seed;
  }

  async function expectAnswer(what: Asked): Promise<number> {
    const answer = await send(what);
    asked += 1;
    statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
    expect(answer.status).toBeLessThan(500);
    expect(answer.body).not.toMatch(/\n\s+at |node_modules|\.ts:\d|SqliteError|SQLITE_/);
    expect(answer.headers["x-injected"]).toBeUndefined();
    const refused = answer.status >= 400 && what.method !== "HEAD";
    const type = answer.headers["content-type"] ?? "";
    expect(refused ? type : "application/json").toMatch(/^application\/json/);
    const body: unknown = refused ? JSON.parse(answer.body) : { error: "none" };
    // the dashboard's own pages read errors in a form of their own
    const { error } = body as { error?: unknown };
    const told = what.path.startsWith("/queues/") ? JSON.stringify(error) : error;
    expect(told).toMatch(/./);
    return answer.status;
  }

  async function send({ method, path, headers, body }: Asked) {
    const { hostname, port } = new URL(api.url);
    const signal = AbortSignal.timeout(hangMs);
    const sent = Buffer.from(body);
    const length = { "content-length": String(sent.length) };
    const outgoing = request({
      agent,
      method: method.toUpperCase(),
      hostname,
      port,
      path,
      headers: { ...headers, ...length },
      signal,
    });
    outgoing.end(sent);
    const [response] = (await once(outgoing, "response")) as [IncomingMessage];
    return { status: response.statusCode ?? 0, headers: response.headers, body: await text(response) };
  }
});
