// Checks the health of a process: all its parts concurrently, each with a timeout.

import { withDeadline } from "@slipway/async";

export interface Health {
  readonly ok: boolean;
  /** "ok" or an error message, by the part's name. */
  readonly parts: Readonly<Record<string, string>>;
}

/** @param checks by the part's name: a function that rejects when the part is unusable. */
export async function checkHealth(
  checks: Readonly<Record<string, () => Promise<unknown>>>,
  timeoutMs = 2_000,
): Promise<Health> {
  const results = await Promise.all(
    Object.entries(checks).map(async ([part, check]) => [part, await stateOf(check, timeoutMs)] as const),
  );
  return { ok: results.every(([, result]) => result === "ok"), parts: Object.fromEntries(results) };
}

/** @returns the response to a health request. It contains no error messages, since they may contain host names. */
export function healthResponse({ ok, parts }: Health) {
  const states = Object.entries(parts).map(
    ([part, state]) => [part, state === "ok" ? "ok" : "down"] as const,
  );
  return { status: ok ? 200 : 503, body: { status: ok ? "ok" : "down", parts: Object.fromEntries(states) } };
}

async function stateOf(check: () => Promise<unknown>, timeoutMs: number): Promise<string> {
  try {
    await withDeadline(check, { limitMs: timeoutMs });
    return "ok";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
