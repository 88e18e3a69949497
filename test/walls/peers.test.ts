// Clients that reset, cut or half-close their connections at each point of an exchange with the API, the stream or the router: no process
// ends, restarts, logs an error or keeps a connection, and other clients are served.

import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import {
  leaveAtEachPoint,
  leavingWays,
  maskedFrame,
  packTarGz,
  requestHead,
  upgradeHead,
} from "@slipway/testkit";
import type { ClientStep } from "@slipway/testkit";
import { beforeAll, expect, inject, test } from "vitest";
import { answering, inlineApp } from "../e2e/apps.ts";
import { call, createApp, deployed, page, showApp } from "../e2e/slipway.ts";
import type { AppJson } from "../e2e/slipway.ts";

interface Exchange {
  readonly port: string;
  readonly steps: readonly ClientStep[];
}

let app: AppJson;
let deploymentId: string;
let started: number;
/** Pino's level of errors. */
const errorLevel = 50;
const processes = ["api.log", "stream.log", "router.log"];

beforeAll(async () => {
  app = await createApp("peers");
  const { deployment, log } = await deployed(app.name, await packTarGz(inlineApp("true", answering("page"))));
  if (deployment.status !== "success") throw new Error(log);
  deploymentId = deployment.id;
  app = await showApp(app.name);
  started = await startsOfAll();
  if (started < processes.length) throw new Error("the logs of the processes are incomplete");
});

const bearer = () => `Authorization: Bearer ${inject("adminToken")}`;
const withBody = (line: string, headers: readonly string[], body: string, host?: string) =>
  requestHead(line, [...headers, `Content-Length: ${body.length}`], host) + body;
const api = (steps: readonly ClientStep[]): Exchange => ({ port: new URL(inject("apiUrl")).port, steps });
const stream = (steps: readonly ClientStep[]): Exchange => ({
  port: new URL(app.links.deployments_stream).port,
  steps,
});
const router = (steps: readonly ClientStep[]): Exchange => ({ port: new URL(app.url).port, steps });
const host = () => new URL(app.url).host;
const auth = () => maskedFrame(JSON.stringify({ type: "auth", data: { token: inject("adminToken") } }));
const upgraded = (path: string): ClientStep => ({
  send: upgradeHead(path),
  until: "101 Switching Protocols",
});
const json = "Content-Type: application/json";
const polling = "/socket.io/?EIO=4&transport=polling";
const sessionIn = (received: string) => `${polling}&sid=${/"sid":"([^"]+)"/.exec(received)?.[1]}`;
const connectPacket = () => `40${JSON.stringify({ token: inject("adminToken") })}`;

async function sourcePaths() {
  const { source } = await call<{ source: { upload_url: string; download_url: string } }>(
    "POST",
    "/v1/sources",
    {},
  );
  return [source.upload_url, source.download_url].map((url) => url.slice(new URL(url).origin.length));
}

const exchanges: Readonly<Record<string, () => Exchange | Promise<Exchange>>> = {
  "a request to the API": () => api([{ send: requestHead("GET /v1/apps", [bearer()]), until: '"apps"' }]),
  "a request to the API without a token": () => api([{ send: requestHead("GET /v1/apps"), until: "401 " }]),
  "pipelined requests to the API": () =>
    api([{ send: requestHead("GET /health") + requestHead("GET /v1/apps", [bearer()]), until: '"apps"' }]),
  "a malformed request to the API": () => api([{ send: "HELLO\r\n\r\n", until: "400 Bad Request" }]),
  "a JSON body for the API": () =>
    api([{ send: withBody("POST /v1/apps", [bearer(), json], '{"app":{"name":"No Name"}}'), until: "422 " }]),
  "a chunked JSON body for the API": () => {
    const head = requestHead("POST /v1/apps", [bearer(), json, "Transfer-Encoding: chunked"]);
    return api([{ send: `${head}7\r\n{"app":\r\n0\r\n\r\n`, until: "400 " }]);
  },
  "a body that the API has to ask for": () => {
    const headers = [bearer(), json, "Expect: 100-continue"];
    return api([{ send: withBody("POST /v1/apps", headers, '{"app":'), until: "400 " }]);
  },
  "an upload to the API": async () => {
    const [path] = await sourcePaths();
    return api([{ send: withBody(`PUT ${path}`, [], "x".repeat(256 * 1024)), until: "HTTP/1.1 " }]);
  },
  "a download from the API": async () => {
    const [uploadPath, downloadPath] = await sourcePaths();
    await fetch(new URL(uploadPath ?? "", inject("apiUrl")), {
      method: "PUT",
      body: "x".repeat(4 * 1024 * 1024),
    });
    return api([{ send: requestHead(`GET ${downloadPath}`), until: "200 OK" }]);
  },
  "the API's output as text": () =>
    api([{ send: requestHead(`GET /v1/deployments/${deploymentId}/output`, [bearer()]), until: "200 OK" }]),
  "the API's output as events": () => {
    const head = requestHead(`GET /v1/deployments/${deploymentId}/output?follow=1`, [bearer()]);
    return api([{ send: head, until: "event: status" }]);
  },
  "an upgrade request to the API": () => api([{ send: upgradeHead("/v1/apps"), until: "401 " }]),
  "a WebSocket to the stream": () =>
    stream([
      upgraded(`/apps/${app.name}`),
      { send: auth(), until: '"status":"success"' },
      { send: maskedFrame("more") },
    ]),
  "a WebSocket with an invalid frame": () =>
    stream([upgraded(`/apps/${app.name}`), { send: Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, 0xff) }]),
  "the close of a WebSocket": () =>
    stream([
      upgraded(`/apps/${app.name}`),
      { send: auth(), until: '"status"' },
      { send: Uint8Array.of(0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8) },
    ]),
  "a socket.io session over WebSocket": () =>
    stream([
      { send: upgradeHead(polling.replace("polling", "websocket")), until: '"sid"' },
      { send: maskedFrame(connectPacket()), until: "40{" },
      { send: maskedFrame(`420${JSON.stringify(["subscribe", { app: app.id }])}`), until: '"status"' },
    ]),
  "a socket.io session by polling": () =>
    stream([
      { send: requestHead(`GET ${polling}`), until: '"sid"' },
      { send: (received) => withBody(`POST ${sessionIn(received)}`, [], connectPacket()), until: "ok" },
      { send: (received) => requestHead(`GET ${sessionIn(received)}`), until: "40{" },
    ]),
  "a CONNECT request to the stream": () => stream([{ send: requestHead("CONNECT example.com:443") }]),
  "a page of an app": () => router([{ send: requestHead("GET /", [], host()), until: "page" }]),
  "a body for an app": () =>
    router([{ send: withBody("POST /", [], "x".repeat(256 * 1024), host()), until: "HTTP/1.1 " }]),
  "an upgrade request to an app without WebSockets": () =>
    router([{ send: upgradeHead("/", host()), until: "HTTP/1.1 " }]),
  "a page of an app that does not exist": () =>
    router([{ send: requestHead("GET /", [], "nothing.localhost"), until: "404 " }]),
};

test.for(Object.keys(exchanges).flatMap((exchange) => leavingWays.map((way) => [exchange, way] as const)))(
  "%s whose client does %s leaves no trace",
  async ([name, way]) => {
    const exchange = await exchanges[name]?.();
    if (exchange === undefined) throw new Error(`there is no exchange ${name}`);
    const errorsBefore = await errorsOfAll();
    const { port, steps } = exchange;
    const unhandled = await leaveAtEachPoint({ port: Number(port), steps, ways: [way], stillAnswers });
    expect(unhandled).toEqual([]);
    expect(await errorsOfAll()).toEqual(errorsBefore);
    expect(await startsOfAll()).toBe(started);
  },
);

async function stillAnswers(): Promise<void> {
  expect((await fetch(new URL("/health", inject("apiUrl")))).status).toBe(200);
  const streamUrl = new URL("/health", app.links.deployments_stream.replace(/^ws/, "http"));
  expect((await fetch(streamUrl)).status).toBe(200);
  expect(await page(app.name)).toBe("page");
}

/** The lines of the processes' logs at level error or above; unhandled errors are fatal. */
async function errorsOfAll(): Promise<string[]> {
  const lines = await Promise.all(processes.map(linesOf));
  return lines.flat().filter((line) => (JSON.parse(line) as { level: number }).level >= errorLevel);
}

/** How many times the processes became ready: a supervisor restarts a process that ended. */
async function startsOfAll(): Promise<number> {
  const files = await readdir(inject("logFolder"));
  const lines = await Promise.all(files.filter((file) => file.endsWith(".log")).map(linesOf));
  return lines.flat().filter((line) => line.includes('"msg":"ready"')).length;
}

async function linesOf(file: string): Promise<string[]> {
  const text = await readFile(join(inject("logFolder"), file), "utf8");
  return text.split("\n").filter((line) => line.startsWith("{"));
}
