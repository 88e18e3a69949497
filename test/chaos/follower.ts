// A follower of one app that reconnects whenever it is disconnected, and records the frames of each connection.

import { setTimeout as sleep } from "node:timers/promises";
import { WebSocket } from "ws";
import { serverFrame } from "@slipway/protocol";
import type { ServerFrame } from "@slipway/protocol";

/** The frames that one connection received, in order. */
export type Connection = ServerFrame[];

const retryMs = 100;

export class Follower implements AsyncDisposable {
  readonly appId: string;
  readonly connections: Connection[] = [];
  readonly #url: string;
  readonly #token: () => string;
  readonly #following: Promise<void>;
  #socket: WebSocket | undefined;
  #ended = false;
  #received = Promise.withResolvers<void>();

  constructor(
    app: { readonly id: string; readonly links: { readonly deployments_stream: string } },
    token: () => string,
  ) {
    this.appId = app.id;
    this.#url = app.links.deployments_stream;
    this.#token = token;
    this.#following = this.#follow();
  }

  /** The frames of the current connection. */
  get latest(): Connection {
    return this.connections.at(-1) ?? [];
  }

  /** Resolves when the frames of one connection satisfy `isWanted`; the test's timeout is the limit. */
  async until(isWanted: (frames: Connection) => boolean): Promise<void> {
    while (!this.connections.some(isWanted)) await this.#received.promise;
  }

  /** Terminates the connection; the follower reconnects. */
  cut(): void {
    this.#socket?.terminate();
  }

  /** Stops reading: further data stays in the socket's buffers. */
  pause(): void {
    this.#socket?.pause();
  }

  resume(): void {
    this.#socket?.resume();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended = true;
    this.cut();
    await this.#following;
  }

  async #follow(): Promise<void> {
    while (!this.#ended) {
      await this.#connect();
      if (!this.#ended) await sleep(retryMs);
    }
  }

  /** Resolves when the connection has ended, or could not be established. */
  #connect(): Promise<void> {
    const frames: Connection = [];
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    return new Promise((resolve) => {
      socket.on("open", () => {
        this.connections.push(frames);
        socket.send(JSON.stringify({ type: "auth", data: { token: this.#token(), rewinds: true } }));
      });
      socket.on("message", (data: Buffer) => {
        frames.push(serverFrame.parse(JSON.parse(data.toString("utf8"))));
        this.#received.resolve();
        this.#received = Promise.withResolvers();
      });
      // A "close" follows, and the follower reconnects.
      socket.on("error", () => undefined);
      socket.on("close", () => resolve());
    });
  }
}

/** The lines of a deployment's log in the frames, without replaced lines. */
export function linesOf(frames: Connection, deploymentId: string): string[] {
  const lines: string[] = [];
  for (const frame of frames) {
    if (!("id" in frame) || frame.id !== deploymentId) continue;
    if (frame.type === "log") lines.push(frame.data.content);
    else if (frame.type === "rewind") lines.length = frame.data.afterSeq;
  }
  return lines;
}

export function statusesOf(frames: Connection, deploymentId: string): string[] {
  return frames.flatMap((frame) =>
    frame.type === "status" && frame.id === deploymentId ? [frame.data.status] : [],
  );
}
