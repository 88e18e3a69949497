// Notices an engine that has fallen silent without closing its connections: a cut network, a host that stopped.

import { elapsed } from "@slipway/async";
import type Docker from "dockerode";
import { ask } from "@slipway/docker";

const everyMs = 10_000;
const answerLimitMs = 15_000;
const failuresAllowed = 2;

/** Runs until the signal ends it. @throws {SlipwayError} "engine-unavailable" after three unanswered calls in a row. */
export async function watchEngine(docker: Docker, signal: AbortSignal): Promise<void> {
  let failures = 0;
  while (await elapsed(everyMs, signal)) {
    try {
      await ask("answer", () => docker.ping(), { limitMs: answerLimitMs });
      failures = 0;
    } catch (error) {
      failures += 1;
      if (failures > failuresAllowed) throw error;
    }
  }
}
