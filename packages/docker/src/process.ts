// A container's process from its first byte to its exit: output and exit code are in hand before it is started, so neither is missed.

import type { IncomingMessage } from "node:http";
import type { Readable } from "node:stream";
import { SlipwayError } from "@slipway/core";
import type Docker from "dockerode";
import { ask, requestStream, engineError } from "./client.ts";
import { createDeframer } from "./frames.ts";

const keepAliveMs = 30_000;

export interface StartedProcess extends Disposable {
  /**
   * stdout and stderr as written, ending with the process. Not reading it holds the process back, once the engine's
   * buffer (about 1 MB) is full. To be read once.
   */
  readonly output: AsyncIterable<Uint8Array>;
  /** Rejects with "engine-unavailable" when the engine goes away meanwhile. */
  readonly exitCode: Promise<number>;
  /** Lets go of the connections, not of the process. */
  [Symbol.dispose](): void;
}

/** Starts a created container. */
export async function startProcess(
  docker: Docker,
  id: string,
  signal?: AbortSignal,
): Promise<StartedProcess> {
  const container = docker.getContainer(id);
  const attach = (): Promise<IncomingMessage> =>
    container.attach({
      stream: true,
      stdout: true,
      stderr: true,
    }) as Promise<unknown> as Promise<IncomingMessage>;
  const attached = await requestStream("attach to the container", attach, { signal });
  let exit: IncomingMessage | undefined;
  try {
    exit = await requestStream("wait for the container", () => awaitNextExit(docker, id), { signal });
    await ask("start the container", () => container.start(), { signal });
    return startedProcess(attached, exit);
  } catch (error) {
    attached.destroy();
    exit?.destroy();
    throw error;
  }
}

function startedProcess(attached: IncomingMessage, exit: IncomingMessage): StartedProcess {
  // Nothing may come on them for hours: only probes tell a quiet process from a lost host.
  for (const { socket } of [attached, exit]) socket.setKeepAlive(true, keepAliveMs);
  const exitCode = readExitCode(exit);
  // Whoever started the process asks for its exit in a while; a rejection before that is not an unhandled one.
  exitCode.catch(() => undefined);
  return {
    output: readOutput(attached),
    exitCode,
    [Symbol.dispose]: () => {
      attached.destroy();
      exit.destroy();
    },
  };
}

async function* readOutput(attached: Readable): AsyncGenerator<Uint8Array> {
  const deframe = createDeframer();
  try {
    for await (const chunk of attached as AsyncIterable<Uint8Array>) {
      const output = deframe(chunk);
      if (output.length > 0) yield output;
    }
  } catch (error) {
    throw engineError("read the container's output", error);
  }
}

/**
 * Resolves once the engine has noted that we wait. The client's own `wait` is no use: it returns after the exit only, and
 * never when the engine dies in between.
 */
function awaitNextExit(docker: Docker, id: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    docker.modem.dial(
      {
        path: `/containers/${id}/wait?`,
        method: "POST",
        options: { _query: { condition: "next-exit" }, _body: {} },
        isStream: true,
        statusCodes: { 200: true, 400: "bad parameter", 404: "no such container", 500: "server error" },
      },
      (error, response) => (error === null ? resolve(response as IncomingMessage) : reject(error)),
    );
  });
}

async function readExitCode(response: IncomingMessage): Promise<number> {
  let body = "";
  try {
    for await (const chunk of response) body += String(chunk);
    const answer = JSON.parse(body) as { StatusCode?: number; Error?: { Message?: string } | null };
    if (answer.StatusCode === undefined || answer.Error?.Message)
      throw new Error(answer.Error?.Message ?? body);
    return answer.StatusCode;
  } catch (error) {
    throw new SlipwayError("engine-unavailable", "the Docker Engine went away while a container ran", {
      cause: error,
    });
  }
}
