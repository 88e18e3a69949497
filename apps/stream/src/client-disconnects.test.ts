// Clients that reset, drop or half-close their connections at each step of an exchange do not affect other clients.

import { once } from "node:events";
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  lacksRedis,
  leaveAtEachPoint,
  maskedFrame,
  requestHead,
  UnhandledErrors,
  upgradeHead,
} from "@slipway/testkit";
import type { ClientStep } from "@slipway/testkit";
import { startTestStream } from "../test-support/stream.ts";
import type { TestStream } from "../test-support/stream.ts";

const limits = {
  unauthenticatedConnections: 10_000,
  unauthenticatedConnectionsPerAddress: 10_000,
  connectionsPerUser: 10_000,
};
const polling = "/socket.io/?EIO=4&transport=polling";
const overWebSocket = "/socket.io/?EIO=4&transport=websocket";

describe.skipIf(await lacksRedis())("disconnects", () => {
  let stream: TestStream;
  let jwt: string;
  let path: string;
  let appId: string;

  beforeAll(async () => {
    stream = await startTestStream(limits);
    const user = await stream.newUser();
    const app = await stream.newApp(user.user);
    const run = await stream.deploy(app);
    await run.start();
    run.log.line("a line");
    await run.log.flush();
    jwt = user.jwt;
    appId = app.id;
    path = `/apps/${app.name}`;
  });
  afterAll(() => stream[Symbol.asyncDispose]());

  /** @returns the errors that occurred when clients disconnected at each step of an exchange. */
  const faultsOf = async (steps: readonly ClientStep[]): Promise<unknown[]> => [
    ...(await leaveAtEachPoint({ port: Number(new URL(stream.url).port), steps, stillAnswers })),
    ...stream.errors,
  ];
  const stillAnswers = async () => {
    expect((await fetch(`${stream.url}/health`)).status).toBe(200);
    const client = stream.connect(path);
    await client.auth(jwt);
    await client.untilStatus("building");
    client.webSocket.close();
  };

  test("clients that disconnect at each step over WebSocket do not affect others", async () => {
    expect(
      await faultsOf([
        { send: upgradeHead(path), until: "101 Switching Protocols" },
        { send: maskedFrame(JSON.stringify({ type: "auth", data: { token: jwt } })), until: "a line" },
        { send: maskedFrame("something else") },
      ]),
    ).toEqual([]);
  });

  test("clients that disconnect at each step over HTTP do not affect others", async () => {
    expect(
      await faultsOf([
        { send: requestHead("GET /health"), until: '"redis":"ok"' },
        { send: requestHead("GET /nothing"), until: "not found" },
        { send: requestHead("CONNECT example.com:443") },
      ]),
    ).toEqual([]);
  });

  test("clients that disconnect at each step over socket.io and WebSocket do not affect others", async () => {
    expect(
      await faultsOf([
        { send: upgradeHead(overWebSocket), until: '"sid"' },
        { send: maskedFrame(`40${JSON.stringify({ token: jwt })}`), until: "40{" },
        { send: maskedFrame(`420${JSON.stringify(["subscribe", { app: appId }])}`), until: "a line" },
        { send: maskedFrame(`42${JSON.stringify(["error", { message: "of a client" }])}`) },
      ]),
    ).toEqual([]);
  });

  test("clients that disconnect at each step over socket.io's polling and its upgrade to WebSocket do not affect others", async () => {
    const session = (received: string) => `${polling}&sid=${/"sid":"([^"]+)"/.exec(received)?.[1]}`;
    const connectBody = `40${JSON.stringify({ token: jwt })}`;
    const length = [`Content-Length: ${Buffer.byteLength(connectBody)}`];
    expect(
      await faultsOf([
        { send: requestHead(`GET ${polling}`), until: '"sid"' },
        {
          send: (received) => requestHead(`POST ${session(received)}`, length) + connectBody,
          until: "ok",
        },
        { send: (received) => requestHead(`GET ${session(received)}`), until: "40{" },
        {
          send: (received) => upgradeHead(session(received).replace("polling", "websocket")),
          until: "101 Switching Protocols",
        },
        { send: maskedFrame("2probe"), until: "3probe" },
      ]),
    ).toEqual([]);
  });

  test("clients that disconnect no longer count towards the connection limits", async () => {
    await using narrow = await startTestStream({ unauthenticatedConnectionsPerAddress: 1 });
    const port = Number(new URL(narrow.url).port);
    const { user, jwt: token } = await narrow.newUser();
    const app = await narrow.newApp(user);
    await narrow.deploy(app);
    using unhandled = new UnhandledErrors();
    for (const head of [upgradeHead("/apps/any"), upgradeHead(overWebSocket)]) {
      for (let count = 0; count < 10; count += 1) {
        const socket = connect(port, "127.0.0.1");
        await once(socket, "connect");
        socket.write(head);
        socket.resetAndDestroy();
      }
    }
    const client = narrow.connect(`/apps/${app.name}`);
    await client.auth(token);
    await Promise.race([client.untilStatus("queued"), client.closed]);
    expect(client.received).toEqual(["QUEUED"]);
    expect([...unhandled.errors, ...narrow.errors]).toEqual([]);
  });

  test("clients that disconnect all at once during a build leave the remaining client with every line", async () => {
    const { user, jwt: token } = await stream.newUser();
    const app = await stream.newApp(user);
    const run = await stream.deploy(app);
    await run.start();
    using unhandled = new UnhandledErrors();
    const clients = Array.from({ length: 51 }, () => stream.connect(`/apps/${app.name}`));
    const follows = async (client: (typeof clients)[number]) => {
      await client.auth(token);
      await client.untilStatus("building");
    };
    await Promise.all(clients.map(follows));
    const [remaining, ...leaving] = clients;
    const lines = Array.from({ length: 1_000 }, (_, index) => `line ${index + 1}`);
    for (const [index, line] of lines.entries()) {
      await run.log.write(Buffer.from(`${line}\n`));
      if (index === 500) for (const { webSocket } of leaving) webSocket.terminate();
    }
    await run.finish("build-error");
    await remaining?.untilStatus("build-error");
    expect(remaining?.received).toEqual(["QUEUED", "BUILDING", ...lines, "BUILD-ERROR"]);
    expect([...unhandled.errors, ...stream.errors]).toEqual([]);
  });
});
