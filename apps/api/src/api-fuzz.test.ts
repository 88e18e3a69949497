// Every route is asked right, nearly right and wrong in every part: whatever comes, the answer is an answer.

import { Agent, request } from "node:http";
import { text } from "node:stream/consumers";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { aNewDeployment, anApp, lacksRedis } from "@slipway/testkit";
import { startTestApi } from "./test-api.ts";
import type { TestApi } from "./test-api.ts";

const runsPerRoute = Number(process.env["FUZZ_RUNS"] ?? 100);
/** Nothing that is asked here takes long: an answer that takes more has got stuck. */
const hangMs = 15_000;

interface Operation {
  readonly requestBody?: { readonly content: Record<string, { schema: { examples?: unknown[] } }> };
  readonly parameters: readonly { readonly name: string; readonly in: string }[];
}

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly body: string;
}

/** What has broken somebody's parser, path, query, template or log before. */
const hostileTexts = [
  "",
  " ",
  "0",
  "-1",
  "1e309",
  "null",
  "undefined",
  "true",
  "[object Object]",
  "__proto__",
  "constructor",
  "toString",
  "../../../../etc/passwd",
  "..%2f..%2fetc%2fpasswd",
  "%",
  "%00",
  "%E0%80%80",
  "\0",
  "\r\nX-Injected: yes",
  "' OR '1'='1",
  "'; DROP TABLE apps; --",
  '{"$gt":""}',
  "$where",
  "<script>alert(1)</script>",
  "${7*7}",
  "%s%n%d",
  "\uD800",
  "\u202Egnp",
  "🚢".repeat(64),
  "a".repeat(5_000),
  "9".repeat(400),
  "http://169.254.169.254/latest/meta-data",
  "file:///etc/passwd",
  "http://[::1]:1/x",
  "https://example.com/" + "a/".repeat(3_000),
] as const;

const hostile = fc.constantFrom(...hostileTexts);
const anyText = fc.oneof(hostile, fc.string({ unit: "binary", maxLength: 40 }), fc.string({ maxLength: 40 }));
const anyValue = fc.oneof(
  { weight: 3, arbitrary: anyText },
  { weight: 1, arbitrary: fc.constantFrom(null, true, 0, -1, 1.5, 1e308, [], {}, [[]], { $gt: "" }) },
  { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 3 }) },
);

/** Most requests would be too many otherwise, and see nothing of the routes. */
const withoutLimits = {
  RATE_LIMIT: "0",
  RATE_LIMIT_POLLS: "0",
  RATE_LIMIT_ADDRESS: "0",
  LOGIN_ATTEMPTS: "0",
};

describe.skipIf(await lacksRedis())("whatever comes", () => {
  // a connection each: one that was cut for what came over it must not fail the next request
  const agent = new Agent({ keepAlive: false });
  let api: TestApi;
  let paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  let known: readonly string[];
  let asked = 0;
  const statuses = new Map<number, number>();

  beforeAll(async () => {
    api = await startTestApi(withoutLimits);
    const document = await (await fetch(new URL("/v1/openapi.json", api.url))).json();
    ({ paths } = document as { paths: typeof paths });
    const operator = await api.store.users.byUsername("admin");
    const app = anApp({ ownerId: operator?.id ?? "" });
    await api.store.apps.create(app);
    const { id } = await api.store.deployments.create(
      aNewDeployment({ appId: app.id, ownerId: app.ownerId }),
    );
    known = [app.name, app.id, id];
  });
  afterAll(async () => {
    agent.destroy();
    await api[Symbol.asyncDispose]();
  });

  test("is answered, by every route: no fault of ours, no stack, no wait", async () => {
    for (const [path, methods] of Object.entries(paths)) {
      for (const [method, operation] of Object.entries(methods)) {
        const requests = requestOf(method, path, operation);
        await fc.assert(fc.asyncProperty(requests, expectAnswer), {
          numRuns: runsPerRoute,
          endOnFailure: true,
        });
      }
    }
    console.info(`${asked} requests, by status: ${JSON.stringify(Object.fromEntries(statuses))}`);
    expect([...statuses.keys()].filter((status) => status >= 500)).toEqual([]);
    // most of them have to come past the door, or nothing behind it was tried
    expect(statuses.get(401) ?? 0).toBeLessThan(asked / 2);
  }, 120_000);

  test("is answered where there is no route, and by what is beside the routes", async () => {
    const anywhere = fc.record({
      method: fc.constantFrom("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "TRACE"),
      path: fc
        .tuple(fc.constantFrom("/", "/v1/", "/v1/apps/", "/docs/", "/queues/", "/health"), anyText)
        .map(([base, rest]) => base + encoded(rest)),
      headers: headersOf(),
      body: anyText,
    });
    await fc.assert(fc.asyncProperty(anywhere, expectAnswer), { numRuns: runsPerRoute * 5 });
  }, 60_000);

  async function expectAnswer(what: Asked): Promise<void> {
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

  function requestOf(method: string, path: string, operation: Operation): fc.Arbitrary<Asked> {
    const part = fc.oneof({ weight: 3, arbitrary: fc.nat() }, { weight: 1, arbitrary: anyText });
    const names = [...path.matchAll(/\{(\w+)\}/g)];
    return fc.record({
      method: fc.constant(method),
      path: fc
        .tuple(fc.array(part, { minLength: names.length, maxLength: names.length }), queryOf(operation))
        .map(([parts, query]) => {
          const filled = parts.map((value) =>
            typeof value === "number" ? known[value % known.length] : value,
          );
          return `/v1${path.replaceAll(/\{\w+\}/g, () => encoded(filled.shift() ?? "") || "x")}${query}`;
        }),
      headers: headersOf(),
      body: bodyOf(operation),
    });
  }

  /** Mostly a good token and JSON, for what lies behind them to be reached. */
  function headersOf(): fc.Arbitrary<Asked["headers"]> {
    const bearer = `Bearer ${api.operatorToken}`;
    const basic = `Basic ${Buffer.from(`:${api.operatorToken}`).toString("base64")}`;
    const rarely = <T>(usual: T, odd: fc.Arbitrary<T>) =>
      fc.oneof({ weight: 8, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: odd });
    const token = fc.oneof(
      fc.constant(basic),
      headerText(),
      headerText().map((value) => `Bearer ${value}`),
    );
    const types = fc.constantFrom(
      "text/plain",
      "application/json; charset=utf-7",
      "multipart/form-data",
      "x",
    );
    return fc
      .record(
        {
          authorization: rarely(bearer, token),
          "content-type": rarely("application/json", types),
          accept: headerText(),
          cookie: headerText(),
          origin: headerText(),
          "content-encoding": fc.constantFrom("gzip", "br", "zstd", "x"),
          "if-none-match": headerText(),
          "idempotency-key": headerText(),
          "last-event-id": headerText(),
          "x-forwarded-for": headerText(),
          "x-forwarded-proto": headerText(),
          "x-request-id": headerText(),
          range: headerText(),
        },
        { requiredKeys: ["authorization", "content-type"] },
      )
      .map((headers) => headers as Asked["headers"]);
  }
});

/** What a client may put in a header at all. */
function headerText(): fc.Arbitrary<string> {
  return anyText.map((value) => value.replaceAll(/[^\t\x20-\x7e\x80-\xff]/g, "").slice(0, 2_000));
}

function queryOf({ parameters }: Operation): fc.Arbitrary<string> {
  const names = parameters.filter((parameter) => parameter.in === "query").map(({ name }) => name);
  const name = fc.oneof(fc.constantFrom(...names, "page", "per_page", "follow", "a[b]", "a[]"), hostile);
  return fc
    .array(fc.tuple(name, fc.oneof(fc.constantFrom("1", "2", "0"), anyText)), { maxLength: 4 })
    .map((pairs) => {
      const bounded = pairs.map(([key, value]) => `${encoded(key)}=${encoded(value.slice(0, 1_000))}`);
      // an event stream of a deployment that waits would rightly not end
      return `?${bounded.join("&").replaceAll("follow=1", "follow=2")}`;
    });
}

function bodyOf({ requestBody }: Operation): fc.Arbitrary<string> {
  const [example = {}] = requestBody?.content["application/json"]?.schema.examples ?? [];
  const nearly = fc
    .tuple(fc.nat(), anyValue, fc.constantFrom("replace", "remove", "add"))
    .map(([at, value, how]) => JSON.stringify(changed(example, at, value, how)));
  return fc.oneof(
    { weight: 6, arbitrary: nearly },
    { weight: 2, arbitrary: anyValue.map((value) => JSON.stringify(value)) },
    { weight: 1, arbitrary: anyText },
    {
      weight: 1,
      arbitrary: fc.constantFrom("[".repeat(20_000), '{"a":'.repeat(2_000), '{"__proto__":{"a":1}}'),
    },
  );
}

/** The example with one of its places changed. */
function changed(example: unknown, at: number, value: unknown, how: "replace" | "remove" | "add"): unknown {
  const copy = structuredClone(example);
  const places: [holder: Record<string, unknown>, key: string][] = [];
  const visit = (node: unknown): void => {
    if (typeof node !== "object" || node === null) return;
    for (const [key, child] of Object.entries(node)) {
      places.push([node as Record<string, unknown>, key]);
      visit(child);
    }
  };
  visit(copy);
  const place = places[at % Math.max(1, places.length)];
  if (place === undefined) return value;
  const [holder, key] = place;
  if (how === "replace") holder[key] = value;
  else if (how === "remove") delete holder[key];
  else holder[`${key}_more`] = value;
  return copy;
}

/** As one part of a path or a query; what is no well-formed text is sent as it is encoded wrongly. */
function encoded(value: string): string {
  return value.isWellFormed() ? encodeURIComponent(value).slice(0, 4_000) : "%ED%A0%80";
}
