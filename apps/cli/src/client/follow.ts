// Follows one deployment over a WebSocket until its final status. Reconnects, and shows every line once.

import { setTimeout as sleep } from "node:timers/promises";
import { WebSocket } from "ws";
import { isFinal } from "@slipway/core";
import type { DeploymentStatus, FinalStatus } from "@slipway/core";
import { serverFrame } from "@slipway/protocol";
import type { ServerFrame } from "@slipway/protocol";
import { SetupError } from "@slipway/setup";

export interface Follower {
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

/** Skips frames that were already shown: a new connection replays the deployment from its first line. */
export class SeenFrames {
  finalStatus: FinalStatus | undefined;
  readonly #deploymentId: string;
  readonly #follower: Follower;
  #shownLines = 0;
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
    else this.#status(frame.data.status);
  }

  #line(content: string): void {
    this.#linesInConnection += 1;
    if (this.#linesInConnection <= this.#shownLines) return;
    this.#shownLines = this.#linesInConnection;
    this.#follower.onLine(content);
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
      socket.send(JSON.stringify({ type: "auth", data: { token } }));
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
