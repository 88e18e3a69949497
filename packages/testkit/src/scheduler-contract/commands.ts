// The contract of a scheduler about commands that run once, beside the serving rollout.

import { expect, test } from "vitest";
import type { SchedulerUnderTest } from "./under-test.ts";
import { never, serve, start, sendLineToAll } from "./rollouts.ts";

const timeoutMs = 600_000;

export function commandsContract({
  scheduler,
  rolloutOf,
  next,
  promote,
  untilGone,
  running,
}: SchedulerUnderTest): void {
  test("a command runs beside the serving rollout, and its container and processes are removed", async () => {
    const serving = rolloutOf(serve("serving"));
    const { addresses } = await start(scheduler(), serving);
    await promote(serving);
    const written: Buffer[] = [];
    const onOutput = (bytes: Uint8Array) => void written.push(Buffer.from(bytes));
    // The background process ends with the command.
    const task = next(serving, 'setsid sleep 600 & echo "$GREETING from $CONTAINER"; echo oops >&2; exit 3', {
      processType: "hook",
      environment: { GREETING: "hello" },
    });
    const exit = await scheduler().run(task, { onOutput, signal: never, timeoutMs });
    expect(exit).toEqual({ exitCode: 3, timedOut: false, outOfMemory: false, diskFull: null });
    const output = Buffer.concat(written).toString().trimEnd().split("\n");
    expect(new Set(output)).toEqual(new Set(["hello from hook-1", "oops"]));
    await untilGone(task);
    expect(await sendLineToAll(addresses)).toEqual(["serving"]);
    expect(await running(serving)).toEqual([serving.rolloutId]);
    await scheduler().removeApp(serving.appId);
  });

  test("a command's host name resolves in its container", async () => {
    const written: Buffer[] = [];
    const onOutput = (bytes: Uint8Array) => void written.push(Buffer.from(bytes));
    const script = 'hostname; getent hosts "$HOSTNAME" | sed "s/.* //"';
    const task = rolloutOf(script, { processType: "postdeploy" });
    await scheduler().run(task, { onOutput, signal: never, timeoutMs });
    const name = "contract-postdeploy-1";
    expect(Buffer.concat(written).toString()).toBe(`${name}\n${name}\n`);
  });

  test("a command that does not end within its time limit is removed", async () => {
    const task = rolloutOf("exec sleep 600");
    const exit = await scheduler().run(task, { onOutput: () => undefined, signal: never, timeoutMs: 1 });
    expect(exit).toMatchObject({ timedOut: true, outOfMemory: false, diskFull: null });
    await untilGone(task);
  });

  test("a command is removed when it is aborted, and when a later call discards its attempt", async () => {
    const task = rolloutOf("echo begun; exec sleep 600");
    const onOutput = () => stop.abort(new Error("enough"));
    const stop = new AbortController();
    await expect(scheduler().run(task, { onOutput, signal: stop.signal, timeoutMs })).rejects.toThrow(
      "enough",
    );
    await untilGone(task);
    const begun = Promise.withResolvers<void>();
    const abandoned = scheduler().run(task, { onOutput: () => begun.resolve(), signal: never, timeoutMs });
    abandoned.catch(() => undefined);
    await begun.promise;
    await scheduler().discard(task.appId, task.rolloutId, { attempt: task.attempt });
    await untilGone(task);
    expect(await Promise.allSettled([abandoned])).toMatchObject([{ status: expect.stringMatching(/./) }]);
  });
}
