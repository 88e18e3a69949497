import { lacksRedis } from "@slipway/testkit";
import { describe, expect, test } from "vitest";
import { heldBytes, startTestStream } from "./test-stream.ts";
import type { TestStream } from "./test-stream.ts";

const mebi = 1024 * 1024;

/** An app with a log that grows most on its way: of 200,000 empty lines, each is a frame of more than 80 bytes. */
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

describe.skipIf(await lacksRedis())("clients that are slow", () => {
  test("hold less in memory than their log is, each", async () => {
    await using stream = await startTestStream();
    const { app, jwt, lines } = await emptyLines(stream);
    const before = heldBytes();
    const clients = Array.from({ length: 10 }, () => stream.connect(`/apps/${app.name}`));
    for (const client of clients) {
      await client.auth(jwt);
      await client.until(({ type }) => type === "status");
      client.webSocket.pause();
    }
    const quick = stream.connect(`/apps/${app.name}`);
    await quick.auth(jwt);
    // by then the others were offered as much
    await quick.untilStatus("build-error");
    quick.forget();
    // what was written is let go of a little later
    await expect.poll(() => heldBytes() - before).toBeLessThan(clients.length * 2 * mebi);
    const [first] = clients;
    first?.webSocket.resume();
    await first?.untilStatus("build-error");
    expect(first?.told).toEqual(["QUEUED", "BUILDING", ...lines, "BUILD-ERROR"]);
  });

  test("are not taken for dead while they read on", async () => {
    await using stream = await startTestStream({ pingMs: 200 });
    const { app, jwt, lines } = await emptyLines(stream);
    const client = stream.connect(`/apps/${app.name}`);
    await client.auth(jwt);
    let read = 0;
    client.webSocket.on("message", () => {
      read += 1;
      if (read % 2_000 !== 0) return;
      client.webSocket.pause();
      // to read what the system's buffers hold takes it many pings, to read enough of it for a sign of life one pause or two
      setTimeout(() => client.webSocket.resume(), 100);
    });
    await Promise.race([client.untilStatus("build-error"), client.closed]);
    expect(client.told).toEqual(["QUEUED", "BUILDING", ...lines, "BUILD-ERROR"]);
  });
});
