// Determines what a build left at a path when the engine cannot: a companion container runs `stat`, which follows no link.

import { untilAborted } from "@slipway/async";
import type Docker from "dockerode";
import { callEngine, removeContainer, startProcess } from "@slipway/docker";
import { companionConfig, type SandboxContext } from "./sandbox-config.ts";

/** @returns "directory", or what exists instead, with its article: "a symbolic link", "nothing". */
export async function kindOfPath(
  docker: Docker,
  sandbox: SandboxContext,
  path: string,
  signal: AbortSignal,
): Promise<string> {
  const config = companionConfig(sandbox, {
    command: ["stat", "--format=%F", path],
    capabilities: ["DAC_READ_SEARCH"],
    seesProcesses: false,
    writes: false,
  });
  const { id } = await callEngine("create a container", () => docker.createContainer(config));
  try {
    using process = await startProcess(docker, id, signal);
    const output = Array.fromAsync(process.output);
    const text = Buffer.concat(await untilAborted(output, signal))
      .toString("utf8")
      .trim();
    if ((await untilAborted(process.exitCode, signal)) !== 0) return "nothing";
    return text === "directory" ? text : `a ${text}`;
  } finally {
    await removeContainer(docker, id);
  }
}
