import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { lacksRedis } from "@slipway/testkit";
import { IoClient } from "../test-support/socket-io-client.ts";
import { startTestStream } from "../test-support/stream.ts";
import type { TestStream } from "../test-support/stream.ts";

describe.skipIf(await lacksRedis())("lines that a newer attempt replaces", () => {
  let stream: TestStream;
  beforeAll(async () => {
    stream = await startTestStream();
  });
  afterAll(() => stream[Symbol.asyncDispose]());

  test("clients that handle rewinds get a frame, all others a line of text", async () => {
    const { user, jwt } = await stream.newUser();
    const app = await stream.newApp(user);
    const run = await stream.deploy(app);
    await run.start({ chunkDelayMs: 600_000 });
    const [scalingo, own] = [stream.connect(`/apps/${app.id}`), stream.connect(`/apps/${app.id}`)];
    await scalingo.auth(jwt);
    await own.auth(jwt, { rewinds: true });
    using io = new IoClient(stream.url, jwt, ["websocket"]);
    await io.request("subscribe", { app: app.id, deployment: run.deployment.id });
    run.log.line("one");
    await run.log.flush();
    run.log.line("dead");
    run.log.line("dead, too");
    for (const client of [scalingo, own])
      await client.until((frame) => frame.type === "log" && frame.data.content === "dead, too");
    await io.until("dead, too");
    await run.lose();
    await run.start();
    run.log.line("two");
    await run.finish("build-error");
    for (const client of [scalingo, own]) await client.untilStatus("build-error");
    await io.ended;
    const before = ["QUEUED", "BUILDING", "one", "dead", "dead, too"];
    const after = ["BUILDING", "two", "BUILD-ERROR"];
    const notice =
      " !     A worker failed before its last lines were stored: the last 2 lines are replaced by what follows";
    expect(own.received).toEqual([...before, "REWIND 1", ...after]);
    expect(io.received).toEqual([...before, "REWIND 1", ...after]);
    expect(scalingo.received).toEqual([...before, notice, ...after]);
    expect(io.end).toMatchObject({ lineCount: 2, sha256: run.deployment.logSha256 });
  });
});
