import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { Socket } from "node:net";
import { lacksRedis } from "@slipway/testkit";
import { describe, expect, test } from "vitest";
import { defaultLimits } from "./limits.ts";
import { IoClient } from "../test-support/socket-io-client.ts";
import { startTestStream } from "../test-support/stream.ts";
import type { TestStream } from "../test-support/stream.ts";

const followers = 20;
/** Frames of an event: at most 500 lines and 32 KiB of text, with about 100 bytes around each line. */
const maxEventBytes = 100 * 1024;

/** Collects the sockets that servers of this process accept. */
class AcceptedSockets implements Disposable {
  readonly sockets: Socket[] = [];
  readonly #note = (event: unknown) => void this.sockets.push((event as { socket: Socket }).socket);

  constructor() {
    subscribe("net.server.socket", this.#note);
  }

  /** The number of bytes in each socket's write buffer, which the kernel has not accepted yet. */
  get buffered(): number[] {
    return this.sockets.map(({ writableLength }) => writableLength);
  }

  [Symbol.dispose](): void {
    unsubscribe("net.server.socket", this.#note);
  }
}

/** An app with a finished log that is larger than the kernel's buffers for a socket. */
async function longLog(stream: TestStream) {
  const { user, jwt } = await stream.newUser();
  const app = await stream.newApp(user);
  const run = await stream.deploy(app);
  await run.start();
  const lines = Array.from({ length: 1_000 }, (_, index) => `${index} ${"x".repeat(15_000)}`);
  await run.log.write(Buffer.from(lines.map((line) => `${line}\n`).join("")));
  await run.finish("build-error");
  return { app, jwt, lines, deployment: run.deployment.id };
}

describe.skipIf(await lacksRedis())("the stream's buffers", () => {
  test("clients that stop reading a replay over WebSocket have a bounded backlog each", async () => {
    await using stream = await startTestStream();
    const { app, jwt, lines } = await longLog(stream);
    using accepted = new AcceptedSockets();
    const clients = Array.from({ length: followers }, () => stream.connect(`/apps/${app.name}`));
    for (const client of clients) {
      await client.auth(jwt);
      client.webSocket.pause();
    }
    await expect.poll(() => accepted.buffered.filter((bytes) => bytes > 0)).toHaveLength(followers);
    // Another client reads the whole log. In this time, the log could have been sent to the other clients.
    const quick = stream.connect(`/apps/${app.name}`);
    await quick.auth(jwt);
    await quick.untilStatus("build-error");
    expect(Math.max(...accepted.buffered)).toBeLessThanOrEqual(defaultLimits.backlogBytes + maxEventBytes);
    const [first] = clients;
    first?.webSocket.resume();
    await first?.untilStatus("build-error");
    expect(first?.received).toEqual(["QUEUED", "BUILDING", ...lines, "BUILD-ERROR"]);
  });

  test("clients that stop reading a replay over socket.io have a bounded backlog each", async () => {
    await using stream = await startTestStream();
    const { app, jwt, lines, deployment } = await longLog(stream);
    using accepted = new AcceptedSockets();
    await using opened = new AsyncDisposableStack();
    const follow = async () => {
      const client = opened.use(new IoClient(stream.url, jwt, ["websocket"]));
      await client.connected;
      await client.request("subscribe", { app: app.id, deployment });
      return client;
    };
    const clients = await Promise.all(Array.from({ length: followers }, follow));
    for (const client of clients) client.webSocket.pause();
    await expect.poll(() => accepted.buffered.filter((bytes) => bytes > 0)).toHaveLength(followers);
    const quick = await follow();
    await quick.ended;
    expect(Math.max(...accepted.buffered)).toBeLessThanOrEqual(2 * maxEventBytes);
    const [first] = clients;
    first?.webSocket.resume();
    await first?.ended;
    expect(first?.received).toEqual(["QUEUED", "BUILDING", ...lines, "BUILD-ERROR"]);
  });
});
