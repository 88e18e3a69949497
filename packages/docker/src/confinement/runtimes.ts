// Container runtimes that isolate containers from the engine's host more than the default does: gVisor, Kata Containers.

import { SlipwayError } from "@slipway/core";
import type Docker from "dockerode";
import { callEngine } from "../client.ts";

/** The part of HostConfig that selects a runtime. */
export function runtimeOption(runtime: string | undefined): { Runtime?: string } {
  return runtime === undefined ? {} : { Runtime: runtime };
}

/**
 * @param setting the environment variable that names the runtime.
 * @throws {SlipwayError} "configuration-invalid" when the engine does not have the runtime, "engine-unavailable".
 */
export async function requireRuntime(docker: Docker, setting: string, runtime: string): Promise<void> {
  const { Name: host, Runtimes } = (await callEngine("list its runtimes", () => docker.info())) as {
    readonly Name: string;
    readonly Runtimes?: Readonly<Record<string, unknown>>;
  };
  if (Object.hasOwn(Runtimes ?? {}, runtime)) return;
  const known = Object.keys(Runtimes ?? {}).join(", ");
  throw new SlipwayError(
    "configuration-invalid",
    `${setting} is ${runtime}, but the Docker Engine of ${host} has only the runtimes ${known}: install it and add it to "runtimes" in the engine's daemon.json, or correct ${setting}`,
  );
}
