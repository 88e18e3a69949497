// Runs the HEALTHCHECK of an instance's image while the instance boots. The engine does not run it: an image may set an interval so short
// that its checks take the engine's time, or so long that each deployment waits for it.

import type { Readable } from "node:stream";
import { elapsed, poll } from "@slipway/async";
import { callEngine, createDeframer, engineError, requestStream, statusOf } from "@slipway/docker";
import type Docker from "dockerode";

const retryMs = 1_000;
const endPollMs = 50;
/** The engine's own default. */
const defaultTimeoutMs = 30_000;
const nsPerMs = 1_000_000;
/** The end of a check's output that is kept. An app's check may write any amount. */
const maxOutputChars = 4_096;
const defaultShell = ["/bin/sh", "-c"];
const cannotExecuteCode = 126;

export interface ImageHealthcheck {
  readonly command: readonly string[];
  /** Time limit of one run. */
  readonly timeoutMs: number;
}

/** The latest check of an instance that has ended. */
export interface CheckResult {
  /** Null while the first check runs, and when the check did not end within its timeout. */
  readonly exitCode: number | null;
  /** The timeout that the check exceeded; null when it exceeded none. */
  readonly exceededMs: number | null;
  readonly output: string;
}

/** The fields of an image's configuration that are read here. */
interface CheckedImage {
  readonly Healthcheck?: { readonly Test?: readonly string[] | null; readonly Timeout?: number } | null;
  readonly Shell?: readonly string[] | null;
}

/**
 * @returns the image's HEALTHCHECK; null when it has none, or `HEALTHCHECK NONE`.
 * @throws {SlipwayError} "engine-unavailable"; the signal's reason when aborted.
 */
export async function imageHealthcheck(
  docker: Docker,
  image: string,
  signal: AbortSignal,
): Promise<ImageHealthcheck | null> {
  const { Config } = await callEngine("inspect an image", () => docker.getImage(image).inspect(), { signal });
  const checked = Config as CheckedImage;
  const command = checkCommand(checked);
  const timeoutMs = (checked.Healthcheck?.Timeout ?? 0) / nsPerMs || defaultTimeoutMs;
  return command === null ? null : { command, timeoutMs };
}

/** @returns the command of the check; null without one. */
function checkCommand({ Healthcheck, Shell }: CheckedImage): readonly string[] | null {
  const [kind, ...command] = Healthcheck?.Test ?? [];
  if (command.length === 0) return null;
  if (kind === "CMD-SHELL") return [...(Shell ?? defaultShell), ...command];
  return kind === "CMD" ? command : null;
}

/**
 * Runs the check again, a second after it has failed, until it succeeds. The engine cannot stop a check that exceeds its timeout: it
 * continues beside the next ones until the container ends, so the pauses grow with the number of such checks.
 * @param onResult receives the result of each check, and before the first one ends, that it runs. Not called once the signal is aborted.
 * @returns whether the check succeeded; false when the signal aborts first, or when the container has ended.
 * @throws {SlipwayError} "engine-unavailable"
 */
export async function untilHealthy(
  docker: Docker,
  containerId: string,
  healthcheck: ImageHealthcheck,
  signal: AbortSignal,
  onResult: (result: CheckResult) => void,
): Promise<boolean> {
  onResult({ exitCode: null, exceededMs: null, output: "" });
  let exceeded = 0;
  while (!signal.aborted) {
    try {
      const result = await runCheck(docker, containerId, healthcheck, signal);
      onResult(result);
      if (result.exitCode === 0) return true;
      if (result.exceededMs !== null) exceeded += 1;
    } catch (error) {
      // The container has ended, or is being killed.
      if (signal.aborted || [404, 409].includes(statusOf(error) ?? 0)) return false;
      throw error;
    }
    await elapsed(retryMs * (1 + exceeded), signal);
  }
  return false;
}

async function runCheck(
  docker: Docker,
  containerId: string,
  { command, timeoutMs }: ImageHealthcheck,
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
    if (statusOf(error) !== 400) throw error;
    return { exitCode: cannotExecuteCode, exceededMs: null, output: answerOf(error) };
  }
  const endsAt = performance.now() + timeoutMs;
  const output = await readOutput(stream, AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]));
  const exitCode = await exitCodeOf(exec, endsAt - performance.now(), signal);
  return { exitCode, exceededMs: exitCode === null ? timeoutMs : null, output };
}

/** Reads until the output ends, or the signal is aborted. */
async function readOutput(stream: Readable, signal: AbortSignal): Promise<string> {
  const stop = (): void => void stream.destroy();
  signal.addEventListener("abort", stop, { once: true });
  const deframe = createDeframer();
  const decoder = new TextDecoder();
  let output = "";
  try {
    for await (const chunk of stream as AsyncIterable<Uint8Array>)
      output = (output + decoder.decode(deframe(chunk), { stream: true })).slice(-maxOutputChars);
  } catch (error) {
    if (!signal.aborted) throw engineError("read the output of a health check", error);
  } finally {
    signal.removeEventListener("abort", stop);
    stream.destroy();
  }
  return output;
}

/** A check may close its output long before it ends. @returns null when it does not end within the limit. */
async function exitCodeOf(exec: Docker.Exec, limitMs: number, signal: AbortSignal): Promise<number | null> {
  const look = async () => {
    const { Running, ExitCode } = await callEngine("inspect a health check", () => exec.inspect(), {
      signal,
    });
    return Running ? undefined : (ExitCode ?? undefined);
  };
  return (await poll(look, { everyMs: endPollMs, limitMs, signal })) ?? null;
}

/** The engine's own message about a refused request. */
function answerOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  const { json } = (cause ?? {}) as { readonly json?: { readonly message?: string } | null };
  return json?.message ?? "";
}
