// Runs the HEALTHCHECK of an instance's image while the instance boots. The engine does not run it: an image may set an interval so short
// that its checks take the engine's time, or so long that each deployment waits for it.

import { elapsed, poll } from "@slipway/async";
import { callEngine, createDeframer, requestStream, statusOf } from "@slipway/docker";
import type Docker from "dockerode";

const retryMs = 1_000;
const endPollMs = 20;
const endLimitMs = 5_000;
/** The end of a check's output that is kept. An app's check may write any amount. */
const maxOutputChars = 4_096;
const defaultShell = ["/bin/sh", "-c"];
const cannotExecuteCode = 126;

/** The latest check of an instance that has ended. */
export interface CheckResult {
  /** Null while the first check runs. */
  readonly exitCode: number | null;
  readonly output: string;
}

/** The fields of an image's configuration that are read here. */
interface CheckedImage {
  readonly Healthcheck?: { readonly Test?: readonly string[] | null } | null;
  readonly Shell?: readonly string[] | null;
}

/**
 * @returns the command of the image's HEALTHCHECK; null when it has none, or `HEALTHCHECK NONE`.
 * @throws {SlipwayError} "engine-unavailable"; the signal's reason when aborted.
 */
export async function imageHealthcheck(
  docker: Docker,
  image: string,
  signal: AbortSignal,
): Promise<readonly string[] | null> {
  const { Config } = await callEngine("inspect an image", () => docker.getImage(image).inspect(), { signal });
  return checkCommand(Config as CheckedImage);
}

/** @returns the command of the check; null without one. */
function checkCommand({ Healthcheck, Shell }: CheckedImage): readonly string[] | null {
  const [kind, ...command] = Healthcheck?.Test ?? [];
  if (command.length === 0) return null;
  if (kind === "CMD-SHELL") return [...(Shell ?? defaultShell), ...command];
  return kind === "CMD" ? command : null;
}

/**
 * Runs the check each second in the container until it succeeds. The engine cannot stop a check, so one that hangs ends with the container.
 * @param onResult receives the result of each check, and before the first one ends, that it runs.
 * @returns whether the check succeeded; false when the signal aborts first, or when the container has ended.
 * @throws {SlipwayError} "engine-unavailable"
 */
export async function untilHealthy(
  docker: Docker,
  containerId: string,
  command: readonly string[],
  signal: AbortSignal,
  onResult: (result: CheckResult) => void,
): Promise<boolean> {
  onResult({ exitCode: null, output: "" });
  while (!signal.aborted) {
    try {
      const result = await runCheck(docker, containerId, command, signal);
      onResult(result);
      if (result.exitCode === 0) return true;
    } catch (error) {
      // The container has ended, or is being killed.
      if (signal.aborted || [404, 409].includes(statusOf(error) ?? 0)) return false;
      throw error;
    }
    await elapsed(retryMs, signal);
  }
  return false;
}

async function runCheck(
  docker: Docker,
  containerId: string,
  command: readonly string[],
  signal: AbortSignal,
): Promise<CheckResult> {
  const container = docker.getContainer(containerId);
  const options = { Cmd: [...command], AttachStdout: true, AttachStderr: true };
  const exec = await callEngine("create a health check", () => container.exec(options), { signal });
  const start = () => exec.start({ hijack: false, stdin: false });
  let stream;
  try {
    stream = await requestStream("start a health check", start, { signal });
  } catch (error) {
    // Engines that cannot execute the command respond with this status, or write a message as its output.
    if (statusOf(error) === 400) return { exitCode: cannotExecuteCode, output: "" };
    throw error;
  }
  const stop = (): void => void stream.destroy();
  signal.addEventListener("abort", stop, { once: true });
  const deframe = createDeframer();
  let output = "";
  try {
    for await (const chunk of stream as AsyncIterable<Uint8Array>)
      output = (output + Buffer.from(deframe(chunk)).toString()).slice(-maxOutputChars);
  } finally {
    signal.removeEventListener("abort", stop);
    stream.destroy();
  }
  return { exitCode: await exitCodeOf(exec, signal), output };
}

/** The engine may close a check's output before it records its end. */
async function exitCodeOf(exec: Docker.Exec, signal: AbortSignal): Promise<number> {
  const look = async () => {
    const { Running, ExitCode } = await callEngine("inspect a health check", () => exec.inspect(), {
      signal,
    });
    return Running ? undefined : ExitCode;
  };
  return (await poll(look, { everyMs: endPollMs, limitMs: endLimitMs, signal })) ?? cannotExecuteCode;
}
