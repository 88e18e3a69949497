import { once } from "node:events";
import { connect } from "node:net";
import { lacksRedis } from "@slipway/testkit";
import { io } from "socket.io-client";
import { describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { startTestStream } from "../test-support/stream.ts";

const behindProxy = { TRUST_PROXY: "loopback" };
const from = (address: string) => ({ "x-forwarded-for": address });

describe.skipIf(await lacksRedis())("the stream before authentication", () => {
  test("unauthenticated clients use up the limit of their own address only", async () => {
    await using stream = await startTestStream({ unauthenticatedConnectionsPerAddress: 1 }, behindProxy);
    const { user, jwt } = await stream.newUser();
    const app = await stream.newApp(user);
    await stream.deploy(app);
    const path = `/apps/${app.name}`;
    const silent = stream.connect(path, undefined, from("203.0.113.7"));
    await once(silent.webSocket, "open");
    expect(await stream.connect(path, undefined, from("203.0.113.7")).closed).toMatchObject({ code: 1013 });
    const handshake = async (address: string) => {
      const headers = { ...from(address), connection: "close" };
      return (await fetch(`${stream.url}/socket.io/?EIO=4&transport=polling`, { headers })).status;
    };
    expect(await handshake("203.0.113.7")).toBe(403);
    expect([await handshake("203.0.113.8"), await handshake("203.0.113.8")]).toEqual([200, 403]);
    const other = stream.connect(path, undefined, from("203.0.113.9"));
    await other.auth(jwt);
    await other.untilStatus("queued");
  });

  test(
    "unauthenticated clients are dropped when they do not answer a close",
    { timeout: 15_000 },
    async () => {
      await using stream = await startTestStream({ authMs: 50 });
      const { hostname, port } = new URL(stream.url);
      const socket = connect(Number(port), hostname);
      const key = Buffer.from("0123456789abcdef").toString("base64");
      const upgrade = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"];
      const head = ["GET /apps/any HTTP/1.1", "Host: any", ...upgrade, `Sec-WebSocket-Key: ${key}`];
      socket.resume().write(`${head.join("\r\n")}\r\n\r\n`);
      await once(socket, "close");
      expect(socket.destroyed).toBe(true);
    },
  );

  test("unauthenticated clients may authenticate once per socket.io transport, which is then closed", async () => {
    await using stream = await startTestStream();
    const url = `${stream.url.replace("http", "ws")}/socket.io/?EIO=4&transport=websocket`;
    const webSocket = new WebSocket(url);
    const received: string[] = [];
    webSocket.on("message", (data: Buffer) => received.push(data.toString()));
    await once(webSocket, "open");
    for (const token of ["tk-us-wrong", "tk-us-other"]) webSocket.send(`40${JSON.stringify({ token })}`);
    await once(webSocket, "close");
    expect(received.filter((text) => text.startsWith("44"))).toHaveLength(2);
    expect(received.join()).toContain("already attempted");
  });
});

test.skipIf(await lacksRedis())(
  "a socket.io client that ends its session loses the transport too",
  async () => {
    await using stream = await startTestStream({ unauthenticatedConnections: 1 });
    const { jwt } = await stream.newUser();
    const options = { auth: { token: jwt }, transports: ["websocket"], forceNew: true, reconnection: false };
    const leaving = io(stream.url, options);
    await new Promise<void>((resolve) => leaving.on("connect", resolve));
    const closed = new Promise((resolve) => leaving.io.engine.once("close", resolve));
    leaving.io.engine.write("1");
    await closed;
    const next = io(stream.url, options);
    await new Promise<void>((resolve) => next.on("connect", resolve));
    expect(next.connected).toBe(true);
    next.disconnect();
  },
);
