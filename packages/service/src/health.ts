// Health of a process: its parts asked at once, each within a bound.

import { withDeadline } from "@slipway/async";

export interface Health {
  readonly ok: boolean;
  /** Per part "ok" or the reason it is not. */
  readonly parts: Readonly<Record<string, string>>;
}

/** @param checks name of a part → something that rejects when the part is not usable. */
export async function checkHealth(
  checks: Readonly<Record<string, () => Promise<unknown>>>,
  timeoutMs = 2_000,
): Promise<Health> {
  const results = await Promise.all(
    Object.entries(checks).map(async ([part, check]) => [part, await outcome(check, timeoutMs)] as const),
  );
  return { ok: results.every(([, result]) => result === "ok"), parts: Object.fromEntries(results) };
}

/** What is told to whoever asks: which part is down, but not why, as reasons may name hosts. */
export function shownHealth({ ok, parts }: Health) {
  const shown = Object.entries(parts).map(([part, state]) => [part, state === "ok" ? "ok" : "down"] as const);
  return { status: ok ? 200 : 503, body: { status: ok ? "ok" : "down", parts: Object.fromEntries(shown) } };
}

async function outcome(check: () => Promise<unknown>, timeoutMs: number): Promise<string> {
  try {
    await withDeadline(check, { limitMs: timeoutMs });
    return "ok";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
