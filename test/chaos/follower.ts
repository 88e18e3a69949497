// A follower of one app that connects again whenever it is cut off, and keeps what each of its connections was sent.

import { setTimeout as sleep } from "node:timers/promises";
import { WebSocket } from "ws";
import { serverFrame } from "@slipway/protocol";
import type { ServerFrame } from "@slipway/protocol";

/** What one connection was sent, in order. */
export type Connection = ServerFrame[];

const retryMs = 100;

export class Follower implements AsyncDisposable {
  readonly appId: string;
  readonly connections: Connection[] = [];
  readonly #url: string;
  readonly #token: string;
  readonly #following: Promise<void>;
  #socket: WebSocket | undefined;
  #ended = false;
  #heard = Promise.withResolvers<void>();

  constructor(
    app: { readonly id: string; readonly links: { readonly deployments_stream: string } },
    token: string,
  ) {
    this.appId = app.id;
    this.#url = app.links.deployments_stream;
    this.#token = token;
    this.#following = this.#follow();
  }

  /** What the present connection was sent. */
  get latest(): Connection {
    return this.connections.at(-1) ?? [];
  }

  /** Resolves when what one connection was sent is as wanted; the test's own timeout is the bound. */
  async until(isWanted: (frames: Connection) => boolean): Promise<void> {
    while (!this.connections.some(isWanted)) await this.#heard.promise;
  }

  /** Cuts the connection; the follower makes another. */
  cut(): void {
    this.#socket?.terminate();
  }

  /** Reads nothing any more: what comes stays in the connection. */
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

  /** Resolves when the connection has ended, or could not be made. */
  #connect(): Promise<void> {
    const frames: Connection = [];
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    return new Promise((resolve) => {
      socket.on("open", () => {
        this.connections.push(frames);
        socket.send(JSON.stringify({ type: "auth", data: { token: this.#token } }));
      });
      socket.on("message", (data: Buffer) => {
        frames.push(serverFrame.parse(JSON.parse(data.toString("utf8"))));
        this.#heard.resolve();
        this.#heard = Promise.withResolvers();
      });
      // A "close" follows, and the next connection makes it good.
      socket.on("error", () => undefined);
      socket.on("close", () => resolve());
    });
  }
}

/** The lines of a deployment's log among the frames. */
export function linesOf(frames: Connection, deploymentId: string): string[] {
  return frames.flatMap((frame) =>
    frame.type === "log" && frame.id === deploymentId ? [frame.data.content] : [],
  );
}

export function statusesOf(frames: Connection, deploymentId: string): string[] {
  return frames.flatMap((frame) =>
    frame.type === "status" && frame.id === deploymentId ? [frame.data.status] : [],
  );
}
