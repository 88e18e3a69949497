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
  test("unauthenticated clients do not prevent users at their address from connecting", async () => {
    await using stream = await startTestStream({ unauthenticatedConnectionsPerAddress: 2 }, behindProxy);
    const { user, jwt } = await stream.newUser();
    const app = await stream.newApp(user);
    await stream.deploy(app);
    const address = from("203.0.113.7");
    const unauthenticated: ReturnType<typeof stream.connect>[] = [];
    const addClient = async () => {
      const client = stream.connect("/apps/any", undefined, address);
      unauthenticated.push(client);
      await once(client.webSocket, "open");
    };
    await addClient();
    await addClient();
    const signedIn = stream.connect(`/apps/${app.name}`, undefined, address);
    await signedIn.auth(jwt);
    await Promise.race([signedIn.untilStatus("queued"), signedIn.closed]);
    expect(signedIn.received).toEqual(["QUEUED"]);
    const socketIo = io(stream.url, { auth: { token: jwt }, extraHeaders: address, forceNew: true });
    await addClient();
    await new Promise((resolve, reject) =>
      socketIo.on("connect", () => resolve(null)).on("connect_error", reject),
    );
    await addClient();
    socketIo.disconnect();
    const [first, second, ...others] = unauthenticated;
    for (const oldest of [first, second]) expect(await oldest?.closed).toMatchObject({ code: 1013 });
    expect(others.map(({ webSocket }) => webSocket.readyState)).toEqual(others.map(() => WebSocket.OPEN));
    expect(signedIn.webSocket.readyState).toBe(WebSocket.OPEN);
  });

  test("unauthenticated clients that use up the limit of all addresses are closed at the busiest address", async () => {
    await using stream = await startTestStream({ unauthenticatedConnections: 3 }, behindProxy);
    const openFrom = async (address: string) => {
      const client = stream.connect("/apps/any", undefined, from(address));
      await once(client.webSocket, "open");
      return client;
    };
    const other = await openFrom("203.0.113.8");
    const busiest = [await openFrom("203.0.113.7"), await openFrom("203.0.113.7")];
    const next = await openFrom("203.0.113.9");
    expect(await busiest[0]?.closed).toMatchObject({ code: 1013 });
    const open = [other, busiest[1], next].map((client) => client?.webSocket.readyState);
    expect(open).toEqual([WebSocket.OPEN, WebSocket.OPEN, WebSocket.OPEN]);
  });

  test("unauthenticated clients over socket.io's polling are closed for later ones at their address", async () => {
    await using stream = await startTestStream({ unauthenticatedConnectionsPerAddress: 1 });
    const polling = `${stream.url}/socket.io/?EIO=4&transport=polling`;
    const handshake = async () => {
      const text = await (await fetch(polling)).text();
      return /"sid":"([^"]+)"/.exec(text)?.[1];
    };
    const poll = async (sid: string | undefined) =>
      (await fetch(`${polling}&sid=${sid}`, { method: "POST", body: "3" })).status;
    const [first, second] = [await handshake(), await handshake()];
    expect([await poll(first), await poll(second)]).toEqual([400, 200]);
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
