// The contract of a scheduler about rollouts that do not start: the error, the output, and the removal of all instances.

import { expect, test } from "vitest";
import type { SchedulerUnderTest } from "./under-test.ts";
import { lines, never, serve, start, startToFail, sendLineToAll } from "./rollouts.ts";

export function failuresContract({
  scheduler,
  rolloutOf,
  next,
  promote,
  untilGone,
  running,
}: SchedulerUnderTest): void {
  test("an instance that exits fails the start with app-crashed, after all its output", async () => {
    const rollout = rolloutOf("seq 1 50000; exit 7");
    const { error, text } = await startToFail(scheduler(), rollout);
    expect(error).toMatchObject({
      code: "app-crashed",
      message: expect.stringContaining("exited with code 7"),
    });
    expect(lines(text)).toHaveLength(50_000);
    await untilGone(rollout);
  });

  test("one of several instances that exits fails the start, and all are removed", async () => {
    const script = `[ $CONTAINER = web-2 ] && exit 3; ${serve("fine")}`;
    const rollout = rolloutOf(script, { count: 3 });
    const { error } = await startToFail(scheduler(), rollout);
    expect(error).toMatchObject({ code: "app-crashed", message: expect.stringContaining("code 3") });
    await untilGone(rollout);
  });

  test("an instance that exceeds its memory fails the start with app-crashed, which names the memory", async () => {
    const { error } = await startToFail(
      scheduler(),
      rolloutOf(`exec perl -e '$x = "a" x (400 * 1024 ** 2)'`),
    );
    expect(error).toMatchObject({ code: "app-crashed", message: expect.stringContaining("memory") });
  });

  test("a rollout that fails does not affect the serving one", async () => {
    const first = rolloutOf(serve("first"));
    const { addresses } = await start(scheduler(), first);
    await promote(first);
    await startToFail(scheduler(), next(first, "exit 1"));
    expect(await sendLineToAll(addresses)).toEqual(["first"]);
    expect(await running(first)).toEqual([first.rolloutId]);
    await scheduler().removeApp(first.appId);
  });

  test("an aborted start rejects with the reason and removes its instances", async () => {
    const rollout = rolloutOf("echo begun; sleep 600", { bootTimeoutMs: 60_000 });
    const abort = new AbortController();
    const started = scheduler().start(rollout, {
      signal: abort.signal,
      onOutput: () => abort.abort(new Error("stopped by the test")),
    });
    await expect(started).rejects.toThrow("stopped by the test");
    await untilGone(rollout);
  });

  test("an error of onOutput fails the start", async () => {
    const rollout = rolloutOf("echo begun; sleep 600", { bootTimeoutMs: 60_000 });
    const started = scheduler().start(rollout, {
      signal: never,
      onOutput: () => Promise.reject(new Error("log is full")),
    });
    await expect(started).rejects.toThrow("log is full");
    await untilGone(rollout);
  });

  test("an image that cannot be pulled fails the start with registry-unavailable", async () => {
    const rollout = rolloutOf("true", { image: `127.0.0.1:1/none@sha256:${"0".repeat(64)}` });
    expect((await startToFail(scheduler(), rollout)).error).toMatchObject({ code: "registry-unavailable" });
  });
}
