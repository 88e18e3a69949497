// Calls of engines that may be down.

import { SlipwayError } from "@slipway/core";
import { callEngine } from "@slipway/docker";
import type Docker from "dockerode";

const pingLimitMs = 10_000;

/** For calls that may be left out or that take effect later. @returns the result; null when the engine does not respond. */
export async function ifReachable<T>(docker: Docker, call: () => Promise<T>): Promise<T | null> {
  try {
    await requireReachable(docker);
    return await call();
  } catch (error) {
    if (error instanceof SlipwayError && error.code === "engine-unavailable") return null;
    throw error;
  }
}

/** A node that is down may not even refuse a connection: this takes less time than other calls. @throws {SlipwayError} "engine-unavailable" */
async function requireReachable(docker: Docker): Promise<void> {
  await callEngine("answer", () => docker.ping(), { limitMs: pingLimitMs });
}
