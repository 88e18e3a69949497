// Waits for a condition that emits no event, by polling.

import { TestRunner } from "vitest";
import { poll, withDeadline } from "@slipway/async";

const pollMs = 50;
/** The part of the test's time that is left to dispose of its resources. vitest does not wait for those of a test that reached its limit. */
const reserve = { share: 0.05, leastMs: 1_000 };
const maxSourceChars = 300;

/**
 * Calls `probe` until it resolves to something other than undefined and false. In a test it ends shortly before the test's limit.
 * @throws the probe's error; an error with the place of this call and the last result of the probe.
 */
export async function eventually<T>(probe: () => Promise<T | undefined | false>): Promise<T> {
  const error = new Error();
  Error.captureStackTrace(error, eventually);
  let last = "its only call has not returned";
  const observed = async () => {
    const found = await probe();
    last = `its last call returned ${String(found)}`;
    return found;
  };
  const { limitMs, reserveMs } = timeLeft();
  const failure = () => failedAt(error, `waited until the end of the test for ${sourceOf(probe)}: ${last}`);
  // The deadline ends a call of the probe that hangs.
  const found = await withDeadline(poll(observed, { everyMs: pollMs, limitMs }), {
    limitMs: limitMs + reserveMs / 2,
    error: failure,
  });
  if (found === undefined) throw failure();
  return found;
}

/** How long the running test may wait, and how long its end may take. Hooks have no such limit: vitest does not say which one runs. */
function timeLeft(): { readonly limitMs: number; readonly reserveMs: number } {
  const { timeout = 0, result } = TestRunner.getCurrentTest() ?? {};
  const unlimited = { limitMs: Infinity, reserveMs: 0 };
  // The state changes before the hooks after the test.
  if (result?.state !== "run" || result.startTime === undefined) return unlimited;
  if (timeout <= 0 || timeout === Infinity) return unlimited;
  const former = result.attempts?.at(-1);
  const startedAt = former === undefined ? result.startTime : former.startTime + former.duration;
  const reserveMs = Math.max(reserve.leastMs, timeout * reserve.share);
  return { limitMs: Math.max(0, startedAt + timeout - reserveMs - Date.now()), reserveMs };
}

function sourceOf(probe: () => unknown): string {
  const source = probe.toString().replaceAll(/\s+/g, " ");
  return source.length > maxSourceChars ? `${source.slice(0, maxSourceChars)}…` : source;
}

/** Gives an error its message, also in its stack, which reports show. */
function failedAt(error: Error, message: string): Error {
  error.message = message;
  error.stack = (error.stack ?? "").replace(/^Error/, () => `Error: ${message}`);
  return error;
}
