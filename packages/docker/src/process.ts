// Runs a container's process. Attaching and waiting begin before the start, so neither output nor exit code is missed.

import type { IncomingMessage } from "node:http";
import type { Readable } from "node:stream";
import { SlipwayError } from "@slipway/core";
import type Docker from "dockerode";
import { callEngine, engineError, openResponse, requestStream, responseOf } from "./client.ts";
import { createDeframer } from "./frames.ts";

const keepAliveMs = 30_000;

export interface StartedProcess extends Disposable {
  /**
   * stdout and stderr in the order written, or only stdout when `onError` receives stderr; ends with the process. Can be read once.
   * While it is not read and the engine's buffer (about 1 MB) is full, the process blocks.
   */
  readonly output: AsyncIterable<Uint8Array>;
  /** Rejects with "engine-unavailable" when the connection to the engine is lost. */
  readonly exitCode: Promise<number>;
  /** Closes the connections; the process continues to run. */
  [Symbol.dispose](): void;
}

interface StartProcessOptions {
  readonly signal?: AbortSignal | undefined;
  /** Receives stderr while `output` is read. If it throws, `output` fails with its error. */
  readonly onError?: ((bytes: Uint8Array) => void) | undefined;
}

/**
 * Starts a created container.
 * @throws {SlipwayError} "engine-unavailable"; the signal's reason when aborted.
 */
export async function startProcess(
  docker: Docker,
  id: string,
  { signal, onError }: StartProcessOptions = {},
): Promise<StartedProcess> {
  const container = docker.getContainer(id);
  const attach = async (): Promise<IncomingMessage> =>
    responseOf(await container.attach({ stream: true, stdout: true, stderr: true }));
  const [attached, exit] = await openBoth(
    requestStream("attach to the container", attach, { signal }),
    requestStream("wait for the container", () => openNextExit(docker, id), { signal }),
  );
  try {
    await callEngine("start the container", () => container.start(), { signal });
    return startedProcess(attached, exit, onError);
  } catch (error) {
    attached.destroy();
    exit.destroy();
    throw error;
  }
}

/** Closes one stream when the other cannot be opened. */
async function openBoth<T extends Readable>(first: Promise<T>, second: Promise<T>): Promise<[T, T]> {
  try {
    return await Promise.all([first, second]);
  } catch (error) {
    for (const stream of await Promise.allSettled([first, second]))
      if (stream.status === "fulfilled") stream.value.destroy();
    throw error;
  }
}

function startedProcess(
  attached: IncomingMessage,
  exit: IncomingMessage,
  onError: StartProcessOptions["onError"],
): StartedProcess {
  // The connections may be idle for hours: TCP keep-alive distinguishes a quiet process from a lost host.
  for (const { socket } of [attached, exit]) socket.setKeepAlive(true, keepAliveMs);
  const exitCode = readExitCode(exit);
  // The caller awaits the exit code later; an earlier rejection must not count as unhandled.
  exitCode.catch(() => undefined);
  return {
    output: readOutput(attached, createDeframer(onError)),
    exitCode,
    [Symbol.dispose]: () => {
      attached.destroy();
      exit.destroy();
    },
  };
}

async function* readOutput(
  attached: AsyncIterable<Uint8Array>,
  deframe: ReturnType<typeof createDeframer>,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of received(attached)) {
    const output = deframe(chunk);
    if (output.length > 0) yield output;
  }
}

async function* received(attached: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* attached;
  } catch (error) {
    throw engineError("read the container's output", error);
  }
}

/**
 * Resolves once the engine has registered the wait. The client's own `wait` is unsuitable: it resolves only after the exit,
 * and never if the engine crashes before that.
 */
function openNextExit(docker: Docker, id: string): Promise<IncomingMessage> {
  const query = { condition: "next-exit" };
  return openResponse(docker, { method: "POST", path: `/containers/${id}/wait`, query });
}

async function readExitCode(response: IncomingMessage): Promise<number> {
  let body = "";
  try {
    for await (const chunk of response) body += String(chunk);
    const result = JSON.parse(body) as { StatusCode?: number; Error?: { Message?: string } | null };
    if (result.StatusCode === undefined || result.Error?.Message)
      throw new Error(result.Error?.Message ?? body);
    return result.StatusCode;
  } catch (error) {
    throw new SlipwayError(
      "engine-unavailable",
      "the connection to the Docker Engine was lost while a container ran",
      {
        cause: error,
      },
    );
  }
}
