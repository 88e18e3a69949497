import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Writable } from "node:stream";
import express from "express";
import { pino } from "pino";
import { afterAll, beforeAll, expect, test } from "vitest";
import { accessLog } from "./access-log.ts";

interface Line {
  readonly req: object;
  readonly res: object;
  readonly [field: string]: unknown;
}

const lines: string[] = [];
const log = new Writable({
  write(chunk, _encoding, done) {
    lines.push(String(chunk));
    done();
  },
});
const app = express();
app.set("trust proxy", "loopback");
app.use(accessLog(pino({ base: null, level: "debug" }, log), "debug"));
app.get("/health", (_request, response) => void response.end());
app.get("/missing", (_request, response) => void response.status(404).end());
app.get("/traced", (_request, response) => {
  response.locals["traceId"] = "4bf92f35";
  response.end();
});
app.use((_request, response) => {
  response.locals["user"] = { id: "u1", passwordHash: "$argon2id$secret" };
  response.status(201).end();
});
const server = createServer(app);
let url = "";

beforeAll(async () => {
  await once(server.listen(0, "127.0.0.1"), "listening");
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => server.close());

const request = async (path: string, headers: Record<string, string> = {}) => {
  lines.length = 0;
  const response = await fetch(url + path, { headers });
  await response.text();
  return response;
};
const line = () => JSON.parse(lines[0] ?? "{}") as Line;

test("a request is logged as one line with user, path, address and status, without secrets", async () => {
  await request("/v1/sources/1/archive?expires=1&signature=secret", {
    authorization: "Bearer secret",
    cookie: "secret",
    "x-forwarded-for": "203.0.113.7",
    "x-request-id": "0123-abc",
  });
  expect(lines).toHaveLength(1);
  expect(lines[0]).not.toContain("secret");
  expect(line()).toMatchObject({
    user: "u1",
    req: { id: "0123-abc", method: "GET", path: "/v1/sources/1/archive", from: "203.0.113.7" },
    res: { status: 201 },
  });
});

test("a client's request id is kept if it is safe to log, else replaced", async () => {
  expect((await request("/", { "x-request-id": "my-request.7" })).headers.get("x-request-id")).toBe(
    "my-request.7",
  );
  for (const id of ["short", "x".repeat(65), '"},{"forged":"line']) {
    expect((await request("/", { "x-request-id": id })).headers.get("x-request-id")).toMatch(
      /^[0-9a-f-]{36}$/,
    );
  }
});

test("requests that succeed are logged at the given level, others at info", async () => {
  await request("/v1/apps");
  expect(line()).toMatchObject({ level: 20 });
  await request("/missing");
  expect(line()).toMatchObject({ level: 30, res: { status: 404 } });
});

test("health checks are not logged", async () => {
  await request("/health?x");
  expect(lines).toEqual([]);
});

test("the line of a request that created a traced deployment has the trace's id, others have none", async () => {
  await request("/traced");
  expect(line()).toMatchObject({ trace_id: "4bf92f35" });
  await request("/v1/apps");
  expect(line()).not.toHaveProperty("trace_id");
});
