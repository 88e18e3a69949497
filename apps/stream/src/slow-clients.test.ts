import { lacksRedis } from "@slipway/testkit";
import { describe, expect, test } from "vitest";
import { startTestStream, usedBytes } from "../test-support/stream.ts";
import type { TestStream } from "../test-support/stream.ts";

const mebi = 1024 * 1024;

/** An app whose log grows by the largest possible factor when it is sent: each of 200,000 empty lines becomes a frame of over 80 bytes. */
async function emptyLines(stream: TestStream) {
  const { user, jwt } = await stream.newUser();
  const app = await stream.newApp(user);
  const run = await stream.deploy(app);
  await run.start();
  const lines = Array<string>(200_000).fill("");
  await run.log.write(Buffer.from(lines.map((line) => `${line}\n`).join("")));
  await run.finish("build-error");
  return { app, jwt, lines };
}

describe.skipIf(await lacksRedis())("the stream with slow clients", () => {
  test("each slow client uses less memory than the size of its log", async () => {
    await using stream = await startTestStream();
    const { app, jwt, lines } = await emptyLines(stream);
    const before = usedBytes();
    const clients = Array.from({ length: 10 }, () => stream.connect(`/apps/${app.name}`));
    for (const client of clients) {
      await client.auth(jwt);
      await client.until(({ type }) => type === "status");
      client.webSocket.pause();
    }
    const quick = stream.connect(`/apps/${app.name}`);
    await quick.auth(jwt);
    // When the quick client has the whole log, the same amount could have been sent to the slow clients.
    await quick.untilStatus("build-error");
    quick.forget();
    // Written buffers are released asynchronously.
    await expect.poll(() => usedBytes() - before).toBeLessThan(clients.length * 2 * mebi);
    const [first] = clients;
    first?.webSocket.resume();
    await first?.untilStatus("build-error");
    expect(first?.received).toEqual(["QUEUED", "BUILDING", ...lines, "BUILD-ERROR"]);
  });

  test("slow clients are not dropped while they keep reading", async () => {
    await using stream = await startTestStream({ pingMs: 200 });
    const { app, jwt, lines } = await emptyLines(stream);
    const client = stream.connect(`/apps/${app.name}`);
    await client.auth(jwt);
    let read = 0;
    client.webSocket.on("message", () => {
      read += 1;
      if (read % 2_000 !== 0) return;
      client.webSocket.pause();
      // Reading all of the kernel's buffers takes many ping intervals; reaching the next ping in the buffers takes one or two pauses.
      setTimeout(() => client.webSocket.resume(), 100);
    });
    await Promise.race([client.untilStatus("build-error"), client.closed]);
    expect(client.received).toEqual(["QUEUED", "BUILDING", ...lines, "BUILD-ERROR"]);
  });
});
