// What a scheduler promises about rollouts that do not come up: the reason, the output, and nothing left.

import { expect, test } from "vitest";
import type { SchedulerUnderTest } from "./under-test.ts";
import { lines, never, serve, start, startToFail, talkAll } from "./rollouts.ts";

export function failuresContract({
  scheduler,
  rolloutOf,
  next,
  promote,
  untilGone,
  running,
}: SchedulerUnderTest): void {
  test("one that exits is app-crashed, with all that it wrote", async () => {
    const rollout = rolloutOf("seq 1 50000; exit 7");
    const { error, text } = await startToFail(scheduler(), rollout);
    expect(error).toMatchObject({
      code: "app-crashed",
      message: expect.stringContaining("exited with code 7"),
    });
    expect(lines(text)).toHaveLength(50_000);
    await untilGone(rollout);
  });

  test("one of several that exits fails all of them", async () => {
    const script = `[ $CONTAINER = web-2 ] && exit 3; ${serve("fine")}`;
    const rollout = rolloutOf(script, { count: 3 });
    const { error } = await startToFail(scheduler(), rollout);
    expect(error).toMatchObject({ code: "app-crashed", message: expect.stringContaining("code 3") });
    await untilGone(rollout);
  });

  test("one that needs more memory than it may have is app-crashed, and told why", async () => {
    const { error } = await startToFail(
      scheduler(),
      rolloutOf(`exec perl -e '$x = "a" x (400 * 1024 ** 2)'`),
    );
    expect(error).toMatchObject({ code: "app-crashed", message: expect.stringContaining("memory") });
  });

  test("one that never listens is boot-timeout", async () => {
    const rollout = rolloutOf("echo idle; sleep 600", { bootTimeoutMs: 3000 });
    const { error, text } = await startToFail(scheduler(), rollout);
    expect(error).toMatchObject({ code: "boot-timeout" });
    expect(text).toBe("idle\n");
    await untilGone(rollout);
  });

  test("one that listens on the loopback only is boot-timeout, and told so", async () => {
    const rollout = rolloutOf(serve("nobody hears", { address: "127.0.0.1" }), { bootTimeoutMs: 3000 });
    const { error } = await startToFail(scheduler(), rollout);
    expect(error).toMatchObject({ code: "boot-timeout", message: expect.stringContaining("127.0.0.1") });
  });

  test("one that listens on another port is boot-timeout, and told which", async () => {
    const script = `export PORT=3000; ${serve("unused")}`;
    const { error } = await startToFail(scheduler(), rolloutOf(script, { bootTimeoutMs: 3000 }));
    const message = expect.stringContaining("it listens on 3000, but PORT is 8080");
    expect(error).toMatchObject({ code: "boot-timeout", message });
  });

  test("one that listens on another port of the loopback only is told both", async () => {
    const script = `export PORT=3000; ${serve("nobody hears", { address: "127.0.0.1" })}`;
    const { error } = await startToFail(scheduler(), rolloutOf(script, { bootTimeoutMs: 3000 }));
    const message = expect.stringContaining("it listens on 127.0.0.1:3000, but PORT is 8080");
    expect(error).toMatchObject({ code: "boot-timeout", message });
  });

  test("a rollout that fails leaves the one that serves alone", async () => {
    const first = rolloutOf(serve("first"));
    const { addresses } = await start(scheduler(), first);
    await promote(first);
    await startToFail(scheduler(), next(first, "exit 1"));
    expect(await talkAll(addresses)).toEqual(["first"]);
    expect(await running(first)).toEqual([first.rolloutId]);
    await scheduler().removeApp(first.appId);
  });

  test("an abort rejects with its reason and leaves nothing", async () => {
    const rollout = rolloutOf("echo begun; sleep 600", { bootTimeoutMs: 60_000 });
    const abort = new AbortController();
    const started = scheduler().start(rollout, {
      signal: abort.signal,
      onOutput: () => abort.abort(new Error("asked to stop")),
    });
    await expect(started).rejects.toThrow("asked to stop");
    await untilGone(rollout);
  });

  test("an error of the output's receiver fails the start", async () => {
    const rollout = rolloutOf("echo begun; sleep 600", { bootTimeoutMs: 60_000 });
    const started = scheduler().start(rollout, {
      signal: never,
      onOutput: () => Promise.reject(new Error("log is full")),
    });
    await expect(started).rejects.toThrow("log is full");
    await untilGone(rollout);
  });

  test("an image that is nowhere is registry-unavailable", async () => {
    const rollout = rolloutOf("true", { image: `127.0.0.1:1/none@sha256:${"0".repeat(64)}` });
    expect((await startToFail(scheduler(), rollout)).error).toMatchObject({ code: "registry-unavailable" });
  });
}
