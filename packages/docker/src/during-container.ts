// Runs a container for the duration of a task, which reads its output.

import type Docker from "dockerode";
import { callEngine } from "./client.ts";
import { removeContainer } from "./containers.ts";
import { type StartedProcess, startProcess } from "./process.ts";

/** @throws {SlipwayError} "engine-unavailable"; the signal's reason when aborted; the task's error. */
export async function duringContainer<T>(
  docker: Docker,
  config: Docker.ContainerCreateOptions,
  signal: AbortSignal,
  task: (id: string, process: StartedProcess) => Promise<T>,
): Promise<T> {
  const { id } = await callEngine("create a container for a moment", () => docker.createContainer(config));
  try {
    using process = await startProcess(docker, id, { signal });
    return await task(id, process);
  } finally {
    await removeContainer(docker, id);
  }
}

/** Reads the process's whole output: for programs that write little. */
export async function outputText(process: StartedProcess): Promise<string> {
  let text = "";
  for await (const bytes of process.output) text += Buffer.from(bytes).toString();
  return text;
}
