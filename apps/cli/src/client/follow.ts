// Follows one deployment over a WebSocket until its final status. Reconnects, and shows every line once.

import { setTimeout as sleep } from "node:timers/promises";
import { WebSocket } from "ws";
import { isFinal } from "@slipway/core";
import type { DeploymentStatus, FinalStatus } from "@slipway/core";
import { serverFrame } from "@slipway/protocol";
import type { ServerFrame } from "@slipway/protocol";
import { SetupError } from "@slipway/setup";

export interface Follower {
  /** Also called with a line that says that lines above it were replaced. */
  onLine: (content: string) => void;
  onStatus: (status: DeploymentStatus) => void;
}

export interface FollowOptions {
  streamUrl: string;
  token: string;
  deploymentId: string;
  signal: AbortSignal;
}

const maxConnections = 5;
const reconnectMs = 1_000;

/** Returns the final status. Throws SetupError when the stream closes too often, and the signal's reason when aborted. */
export async function followDeployment(options: FollowOptions, follower: Follower): Promise<FinalStatus> {
  const seen = new SeenFrames(options.deploymentId, follower);
  let closed = "";
  for (let count = 1; count <= maxConnections; count += 1) {
    options.signal.throwIfAborted();
    closed = await oneConnection(options, seen);
    if (seen.finalStatus !== undefined) return seen.finalStatus;
    // throw the signal's own reason, not the timer's AbortError
    options.signal.throwIfAborted();
    await sleep(reconnectMs);
  }
  throw new SetupError(
    `The stream ${options.streamUrl} closed ${maxConnections} times before the deployment ended (${closed}): see the log of the stream.`,
  );
}

/**
 * Skips frames that were already shown: a new connection replays the deployment from its first line. Where a line differs from the one
 * that was shown, a newer attempt has replaced it and those after it.
 */
export class SeenFrames {
  finalStatus: FinalStatus | undefined;
  readonly #deploymentId: string;
  readonly #follower: Follower;
  readonly #shown: string[] = [];
  #lastStatus: DeploymentStatus | undefined;
  #linesInConnection = 0;

  constructor(deploymentId: string, follower: Follower) {
    this.#deploymentId = deploymentId;
    this.#follower = follower;
  }

  connected(): void {
    this.#linesInConnection = 0;
  }

  receive(frame: ServerFrame): void {
    if (!("id" in frame) || frame.id !== this.#deploymentId) return;
    if (frame.type === "log") this.#line(frame.data.content);
    else if (frame.type === "rewind") this.#linesInConnection = frame.data.afterSeq;
    else this.#status(frame.data.status);
  }

  #line(content: string): void {
    const index = this.#linesInConnection;
    this.#linesInConnection += 1;
    if (this.#shown[index] === content) return;
    this.#dropFrom(index);
    this.#shown.push(content);
    this.#follower.onLine(content);
  }

  #dropFrom(index: number): void {
    const count = this.#shown.length - index;
    if (count <= 0) return;
    this.#shown.length = index;
    const lines = count === 1 ? "line above is" : `${count} lines above are`;
    this.#follower.onLine(
      ` !     A worker failed before its last lines were stored: the last ${lines} replaced by what follows`,
    );
  }

  #status(status: DeploymentStatus): void {
    if (status === this.#lastStatus) return;
    this.#lastStatus = status;
    this.#follower.onStatus(status);
    if (isFinal(status)) this.finalStatus = status;
  }
}

/** Opens one connection. Resolves with the reason when it closes, also when it is closed here after the final status. */
function oneConnection({ streamUrl, token, signal }: FollowOptions, seen: SeenFrames): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(streamUrl);
    let reason = "";
    const abort = () => socket.terminate();
    signal.addEventListener("abort", abort, { once: true });
    socket.on("open", () => {
      seen.connected();
      socket.send(JSON.stringify({ type: "auth", data: { token, rewinds: true } }));
    });
    socket.on("message", (data: Buffer) => {
      try {
        seen.receive(serverFrame.parse(JSON.parse(data.toString("utf8"))));
      } catch (error) {
        reject(error);
        socket.terminate();
      }
      if (seen.finalStatus !== undefined) socket.close();
    });
    socket.on("error", (error) => (reason = error.message));
    socket.on("close", (code, text) => {
      signal.removeEventListener("abort", abort);
      resolve(reason || `${code} ${String(text)}`.trim());
    });
  });
}
