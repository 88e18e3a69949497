import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { SandboxExit } from "@slipway/core";
import { runSandbox } from "./build-sandbox.ts";

const minuteMs = 60_000;
const log = { line: () => undefined, write: async () => undefined };
const lease = { check: async () => undefined };

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] }));
afterEach(() => void vi.useRealTimers());

function build(limits: { buildTimeoutMs: number; buildSilenceMs: number }) {
  const [begun, ended] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const run = ({ signal }: { readonly signal: AbortSignal }) =>
    new Promise<SandboxExit>((_, reject) => {
      signal.addEventListener("abort", () => reject(new Error("the container is gone")));
    });
  const config = { timing: limits, build: { diskBytes: 2 ** 30, tmpfsBytes: 2 ** 20 } };
  const attempt = { lease, log, signal: new AbortController().signal };
  let failure: unknown;
  const wait = { begun: begun.promise, ended: ended.promise };
  void runSandbox({ config }, attempt, { run }, { wait }).catch((error: unknown) => (failure = error));
  return { begun, ended, failure: () => failure };
}

test.each([
  ["time", { buildTimeoutMs: 30 * minuteMs, buildSilenceMs: 600 * minuteMs }, 10, "longer than 30 minutes"],
  [
    "silence",
    { buildTimeoutMs: 600 * minuteMs, buildSilenceMs: 30 * minuteMs },
    30,
    "no output for 30 minutes",
  ],
])("a wait for the platform does not count as the %s of a build", async (_what, limits, minutes, message) => {
  const { begun, ended, failure } = build(limits);
  await vi.advanceTimersByTimeAsync(20 * minuteMs);
  begun.resolve();
  await vi.advanceTimersByTimeAsync(300 * minuteMs);
  ended.resolve();
  await vi.advanceTimersByTimeAsync(minutes * minuteMs - 1);
  expect(failure()).toBeUndefined();
  await vi.advanceTimersByTimeAsync(1);
  expect(failure()).toMatchObject({ code: "build-timeout", message: expect.stringContaining(message) });
  expect(vi.getTimerCount()).toBe(0);
});

test("a build that ends while it waits leaves no timer", async () => {
  const timing = { buildTimeoutMs: minuteMs, buildSilenceMs: minuteMs };
  const config = { timing, build: { diskBytes: 2 ** 30, tmpfsBytes: 2 ** 20 } };
  const ended = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  const exit = Promise.withResolvers<SandboxExit>();
  const attempt = { lease, log, signal: new AbortController().signal };
  const wait = { begun: begun.promise, ended: ended.promise };
  const running = runSandbox({ config }, attempt, { run: () => exit.promise }, { wait });
  begun.resolve();
  await vi.advanceTimersByTimeAsync(2 * minuteMs);
  exit.resolve({ exitCode: 0, outOfMemory: false, diskFull: false });
  await running;
  ended.resolve();
  await vi.advanceTimersByTimeAsync(1);
  expect(vi.getTimerCount()).toBe(0);
});
