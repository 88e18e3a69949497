// Detects an engine that stops responding without closing its connections, for example after a network failure or a crash of its host.

import { elapsed } from "@slipway/async";
import type Docker from "dockerode";
import { callEngine } from "@slipway/docker";

const pingIntervalMs = 10_000;
const pingLimitMs = 15_000;
const maxFailures = 2;

/** Runs until the signal aborts. @throws {SlipwayError} "engine-unavailable" after three consecutive failed pings. */
export async function watchEngine(docker: Docker, signal: AbortSignal): Promise<void> {
  let failures = 0;
  while (await elapsed(pingIntervalMs, signal)) {
    try {
      await callEngine("answer", () => docker.ping(), { limitMs: pingLimitMs });
      failures = 0;
    } catch (error) {
      failures += 1;
      if (failures > maxFailures) throw error;
    }
  }
}
