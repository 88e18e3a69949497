// Fuzzes every route with valid, nearly valid and invalid requests: none may cause a 5xx, a stack trace or a hang.

import { Agent, request } from "node:http";
import { text } from "node:stream/consumers";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { lacksRedis } from "@slipway/testkit";
import { startTestApi } from "../../test-support/api.ts";
import type { TestApi } from "../../test-support/api.ts";
import {
  anyText,
  requestFrom,
  encoded,
  headersOf,
  validDraft,
  draftsOf,
} from "../../test-support/requests.ts";
import type { FuzzRequest, Operation, Draft } from "../../test-support/requests.ts";
import { seedFor } from "../../test-support/seed.ts";
import { joinTestWorker, workerId } from "../../test-support/worker.ts";
import type { Seed } from "../../test-support/seed.ts";

const runsPerRoute = Number(process.env["FUZZ_RUNS"] ?? 30);
/** A request that takes longer counts as hanging. */
const hangMs = 15_000;
/** The time limit for thousands of requests on a busy machine. `hangMs` finds single requests that hang. */
const limitMs = 600_000;

/** Without this, most requests would be rejected before they reach their route. */
const withoutLimits = {
  RATE_LIMIT: "0",
  RATE_LIMIT_POLLS: "0",
  RATE_LIMIT_ADDRESS: "0",
  LOGIN_ATTEMPTS: "0",
  APP_QUEUE_MAX: "100000",
};

describe.skipIf(await lacksRedis())("a fuzzed request", () => {
  // One connection per request: a connection that the server closed must not fail the next request.
  const agent = new Agent({ keepAlive: false });
  let api: TestApi;
  let paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  let requestCount = 0;
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

  test(
    "a fuzzed request of any route gets a response without a 5xx, a stack trace or a hang, and each route succeeds at least once",
    async () => {
      await using _worker = await joinTestWorker(api);
      const unreached: string[] = [];
      for (const [path, methods] of Object.entries(paths)) {
        for (const [method, operation] of Object.entries(methods)) {
          const lowest = await fuzz(method, path, operation);
          if (lowest >= 300) unreached.push(`${method} ${path}: ${lowest}`);
        }
      }
      console.info(`${requestCount} requests, by status: ${JSON.stringify(Object.fromEntries(statuses))}`);
      expect([...statuses.keys()].filter((status) => status >= 500)).toEqual([]);
      // Each route was reached, and most requests passed authentication and lookup.
      expect(unreached).toEqual([]);
      expect((statuses.get(401) ?? 0) + (statuses.get(404) ?? 0)).toBeLessThan(requestCount / 2);
    },
    limitMs,
  );

  test(
    "a fuzzed request outside the described routes gets a response without a 5xx",
    async () => {
      const anywhere = fc.record({
        method: fc.constantFrom("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "TRACE"),
        path: fc
          .tuple(fc.constantFrom("/", "/v1/", "/v1/apps/", "/docs/", "/queues/", "/health"), anyText)
          .map(([base, rest]) => base + encoded(rest)),
        headers: headersOf(api.operatorToken),
        body: anyText,
      });
      const answered = async (sent: FuzzRequest) => {
        expect(await expectAnswer(sent)).toBeLessThan(500);
      };
      await fc.assert(fc.asyncProperty(anywhere, answered), { numRuns: runsPerRoute * 5 });
    },
    limitMs,
  );

  /** Creates new seed data after each request that consumed it. @returns the lowest status. */
  async function fuzz(method: string, path: string, operation: Operation): Promise<number> {
    const consumesSeed = method !== "get" && /\}(\/archive|\/renew)?$/.test(path);
    let lowest = Number.POSITIVE_INFINITY;
    let seed = await seeded(method, path);
    const check = async (draft: Draft) => {
      const status = await expectAnswer(requestFrom(method, path, operation, seed, draft));
      lowest = Math.min(lowest, status);
      if (consumesSeed && status < 300) seed = await seeded(method, path);
    };
    await fc.assert(fc.asyncProperty(draftsOf(path, operation, api.operatorToken), check), {
      numRuns: runsPerRoute,
      endOnFailure: true,
      examples: [[validDraft(path, operation, api.operatorToken)]],
    });
    return lowest;
  }

  /** Aborts the deployment for output routes, because a followed response would not end otherwise. */
  async function seeded(method: string, path: string): Promise<Seed> {
    const seed: Seed = { ...(await seedFor(api, method)), worker: workerId };
    if (path.endsWith("/output")) {
      const deployment = `/v1/apps/${seed["app"]}/deployments/${seed["deployment"]}`;
      await api.request(api.operatorToken, "POST", `${deployment}/abort`);
    }
    return seed;
  }

  async function expectAnswer(sent: FuzzRequest): Promise<number> {
    const answer = await send(sent);
    requestCount += 1;
    statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
    expect(answer.status).toBeLessThan(500);
    expect(answer.body).not.toMatch(/\n\s+at |node_modules|\.ts:\d|SqliteError|SQLITE_/);
    expect(answer.headers["x-injected"]).toBeUndefined();
    const isError = answer.status >= 400 && sent.method !== "HEAD";
    const type = answer.headers["content-type"] ?? "";
    expect(isError ? type : "application/json").toMatch(/^application\/json/);
    const body: unknown = isError ? JSON.parse(answer.body) : { error: "none" };
    // Bull Board has its own error format.
    const { error } = body as { error?: unknown };
    const message = sent.path.startsWith("/queues/") ? JSON.stringify(error) : error;
    expect(message).toMatch(/./);
    return answer.status;
  }

  async function send({ method, path, headers, body }: FuzzRequest) {
    const { hostname, port } = new URL(api.url);
    const signal = AbortSignal.timeout(hangMs);
    const bytes = Buffer.from(body);
    const length = { "content-length": String(bytes.length) };
    const outgoing = request({
      agent,
      method: method.toUpperCase(),
      hostname,
      port,
      path,
      headers: { ...headers, ...length },
      signal,
    });
    outgoing.end(bytes);
    const [response] = (await once(outgoing, "response")) as [IncomingMessage];
    return { status: response.statusCode ?? 0, headers: response.headers, body: await text(response) };
  }
});
