// Follows one deployment over the WebSocket until its final status, every line once, across lost connections.
import { setTimeout as sleep } from "node:timers/promises";
import { WebSocket } from "ws";
import { SetupError } from "../setup/setup-error.ts";

export interface Follower {
  onLine: (content: string) => void;
  onStatus: (status: string) => void;
}

export interface FollowOptions {
  streamUrl: string;
  token: string;
  deploymentId: string;
  signal: AbortSignal;
}

/** One frame of the stream, as far as it is looked at here. */
export interface StreamFrame {
  type: string;
  id?: string;
  data?: { content?: string; status?: string };
}

const unfinished = new Set(["queued", "building", "pushing", "starting"]);
const connections = 5;
const reconnectMs = 1_000;

/** Whether a status is the last one. */
export function isFinal(status: string): boolean {
  return !unfinished.has(status);
}

/** Yields the final status. Throws SetupError when the stream cannot be held, and the signal's reason when aborted. */
export async function followDeployment(options: FollowOptions, follower: Follower): Promise<string> {
  const seen = new SeenFrames(options.deploymentId, follower);
  let closed = "";
  for (let count = 1; count <= connections; count += 1) {
    options.signal.throwIfAborted();
    closed = await oneConnection(options, seen);
    if (seen.finalStatus !== undefined) return seen.finalStatus;
    // an abort in between is told by its own reason at the loop's begin, not as the timer's error
    options.signal.throwIfAborted();
    await sleep(reconnectMs);
  }
  throw new SetupError(
    `The stream ${options.streamUrl} closed ${connections} times before the end (${closed}).`,
  );
}

/** What was shown already: a new connection replays the deployment from its first line. */
export class SeenFrames {
  finalStatus: string | undefined;
  readonly #deploymentId: string;
  readonly #follower: Follower;
  #shownLines = 0;
  #lastStatus = "";
  #linesInConnection = 0;

  constructor(deploymentId: string, follower: Follower) {
    this.#deploymentId = deploymentId;
    this.#follower = follower;
  }

  connected(): void {
    this.#linesInConnection = 0;
  }

  receive(frame: StreamFrame): void {
    if (frame.id !== this.#deploymentId) return;
    const { content, status } = frame.data ?? {};
    if (frame.type === "log" && content !== undefined) this.#line(content);
    if (frame.type === "status" && status !== undefined) this.#status(status);
  }

  #line(content: string): void {
    this.#linesInConnection += 1;
    if (this.#linesInConnection <= this.#shownLines) return;
    this.#shownLines = this.#linesInConnection;
    this.#follower.onLine(content);
  }

  #status(status: string): void {
    if (status === this.#lastStatus) return;
    this.#lastStatus = status;
    this.#follower.onStatus(status);
    if (isFinal(status)) this.finalStatus = status;
  }
}

/** Resolves with why the connection ended, ours after the final status included. */
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
        seen.receive(JSON.parse(data.toString("utf8")) as StreamFrame);
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
