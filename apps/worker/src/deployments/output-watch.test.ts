import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { SandboxExit } from "@slipway/core";
import { runSandbox } from "./build-sandbox.ts";
import { watchOutput } from "./output-watch.ts";

const minuteMs = 60_000;
const silenceMs = 10 * minuteMs;

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] }));
afterEach(() => void vi.useRealTimers());

test("a build that is silent for too long is ended with a message that names the time", async () => {
  using watch = watchOutput(silenceMs);
  await vi.advanceTimersByTimeAsync(silenceMs - 1);
  expect(watch.signal.aborted).toBe(false);
  await vi.advanceTimersByTimeAsync(1);
  const message = "no output for 10 minutes, so the build was ended";
  expect(watch.signal.reason).toMatchObject({ code: "build-timeout", message });
});

test("each output restarts the limit, and storing it does not count as silence", async () => {
  using watch = watchOutput(silenceMs);
  const stored = Promise.withResolvers<void>();
  const storing = watch.store(() => stored.promise);
  await vi.advanceTimersByTimeAsync(2 * silenceMs);
  await watch.store(() => undefined);
  await vi.advanceTimersByTimeAsync(2 * silenceMs);
  stored.resolve();
  await storing;
  await vi.advanceTimersByTimeAsync(silenceMs - 1);
  await watch.store(() => undefined);
  await vi.advanceTimersByTimeAsync(silenceMs - 1);
  expect(watch.signal.aborted).toBe(false);
  await vi.advanceTimersByTimeAsync(1);
  expect(watch.signal.aborted).toBe(true);
});

test("progress without output restarts the limit, but not while output is stored", async () => {
  using watch = watchOutput(silenceMs);
  await vi.advanceTimersByTimeAsync(silenceMs - 1);
  watch.noteProgress();
  await vi.advanceTimersByTimeAsync(silenceMs - 1);
  expect(watch.signal.aborted).toBe(false);
  const stored = Promise.withResolvers<void>();
  const storing = watch.store(() => stored.promise);
  watch.noteProgress();
  expect(vi.getTimerCount()).toBe(0);
  stored.resolve();
  await storing;
  expect(vi.getTimerCount()).toBe(1);
});

test("a watch that is disposed leaves no timer, even if output is stored later", async () => {
  const watch = watchOutput(silenceMs);
  const stored = Promise.withResolvers<void>();
  const storing = watch.store(() => stored.promise);
  watch[Symbol.dispose]();
  stored.resolve();
  await storing;
  watch.noteProgress();
  expect(vi.getTimerCount()).toBe(0);
});

test("a silent build fails as the user's, also if the engine reports an error when it is ended", async () => {
  const lines: string[] = [];
  const log = {
    line: (text: string) => void lines.push(text),
    write: async (bytes: Uint8Array) => void lines.push(Buffer.from(bytes).toString()),
  };
  const run = (options: Parameters<Parameters<typeof runSandbox>[2]["run"]>[0]) =>
    new Promise<SandboxExit>((_, reject) => {
      void options.onOutput(Buffer.from("one line"));
      options.signal.addEventListener("abort", () => reject(new Error("the container is gone")));
    });
  const timing = { buildTimeoutMs: 60 * minuteMs, buildSilenceMs: silenceMs };
  const config = { timing, build: { diskBytes: 2 ** 30, tmpfsBytes: 2 ** 20 } };
  const lease = { check: async () => undefined };
  const attempt = { lease, log, signal: new AbortController().signal };
  const failure = runSandbox({ config }, attempt, { run }).catch((error: unknown) => error);
  await vi.advanceTimersByTimeAsync(silenceMs);
  const message = "no output for 10 minutes, so the build was ended";
  expect(await failure).toMatchObject({ code: "build-timeout", message });
  expect(lines).toEqual(["one line"]);
});
