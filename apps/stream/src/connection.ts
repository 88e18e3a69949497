// One client's connection, from its upgrade to its close: who are you, what may you follow, here it is.

import type { Socket } from "node:net";
import { WebSocket } from "ws";
import type { RawData } from "ws";
import { withDeadline } from "@slipway/async";
import { toSlipwayError } from "@slipway/core";
import type { App, User } from "@slipway/core";
import type { Follower } from "@slipway/logs";
import { authFrame } from "@slipway/protocol";
import { appFor, userOf, reauthenticateUser } from "./admission.ts";
import type { Client } from "./client.ts";
import { closeFor, refusal, tooManyConnections, tooSlow } from "./close-codes.ts";
import type { Close } from "./close-codes.ts";
import { framesOf, pingFrames } from "./frames.ts";
import type { ConnectionLimits, Platform } from "./platform.ts";

export interface ConnectionOptions {
  readonly webSocket: WebSocket;
  /** What the WebSocket runs over: whole frames may be written to it directly. */
  readonly socket: Socket;
  /** Name or id from the path; null when the path names no app. */
  readonly app: string | null;
  readonly origin: string | undefined;
  /** The key of the address it comes from. */
  readonly address: string;
  readonly limits: ConnectionLimits;
  /** Whether the user may have one connection more. Called once, when it is known who it is. */
  readonly admit: (user: User) => boolean;
}

/** How many ping intervals a peer may go without a sign of life. */
const silentPings = 3;

/**
 * After so much a peer is asked for a sign of life, among what it is sent: a slow one reads for minutes what it has been sent
 * in an instant, and would come to a ping behind all of it too late.
 */
const askEveryBytes = 64 * 1024;

export class Connection implements Client {
  readonly #platform: Platform;
  readonly #options: ConnectionOptions;
  readonly #closed = Promise.withResolvers<void>();
  #follower: Follower | undefined;
  #user: User | undefined;
  #admission: { readonly token: string; readonly appId: string } | undefined;
  #silentFor = 0;
  /** Sent since the peer was last asked. */
  #unaskedBytes = 0;

  constructor(platform: Platform, options: ConnectionOptions) {
    this.#platform = platform;
    this.#options = options;
    const { webSocket } = options;
    const alive = () => {
      this.#silentFor = 0;
    };
    webSocket.on("pong", alive).on("message", alive);
    webSocket.on("close", () => this.#closed.resolve());
    // the close that follows says the rest
    webSocket.on("error", (error) => platform.logger.debug({ err: error }, "a connection failed"));
  }

  get user(): User | undefined {
    return this.#user;
  }

  get address(): string {
    return this.#options.address;
  }

  /** Whether the client waits for more of a deployment. */
  get unfinished(): boolean {
    return this.#follower?.unfinished === true;
  }

  /** Serves the client. Resolves when the connection is closed; never rejects. */
  async serve(): Promise<void> {
    try {
      const token = await this.#token();
      if (token === null) return;
      const app = await this.#admitted(token);
      if (this.#open) this.#follow(app);
    } catch (thrown) {
      const close = closeFor(thrown);
      if (close.code === 1008) this.#platform.logger.debug({ reason: close.reason }, "a client was refused");
      else this.#platform.logger.error({ err: thrown }, "a client cannot be served");
      this.close(close);
    }
    await this.#closed.promise;
    this.#follower?.close();
  }

  close({ code, reason }: Close): void {
    this.#follower?.close();
    this.#options.webSocket.close(code, reason);
  }

  /** Ends the connection without another word. */
  terminate(): void {
    this.#options.webSocket.terminate();
  }

  /** Says that we are there, and asks whether the client is. A dead one is dropped. */
  ping(): void {
    const { socket, limits } = this.#options;
    this.#silentFor += 1;
    if (this.#silentFor > silentPings) {
      this.close(tooSlow);
      this.terminate();
      return;
    }
    const waits = socket.writableLength > limits.backlogBytes;
    if (this.#follower === undefined || !this.#open || waits) return;
    socket.write(pingFrames(this.#platform.now()));
    this.#ask();
  }

  async recheck(): Promise<void> {
    if (this.#admission === undefined || !this.#open) return;
    const { token, appId } = this.#admission;
    try {
      await appFor(this.#platform, await reauthenticateUser(this.#platform, token), appId);
    } catch (error) {
      if (toSlipwayError(error).fault !== "user") throw error;
      this.close(closeFor(error));
    }
  }

  get #open(): boolean {
    return this.#options.webSocket.readyState === WebSocket.OPEN;
  }

  /** The first frame's token; null when the client left before it came. */
  async #token(): Promise<string | null> {
    const { webSocket, limits, app } = this.#options;
    if (app === null) throw refusal("connect to /apps/NAME");
    const first = Promise.withResolvers<string>();
    webSocket.once("message", (data, isBinary) => {
      const token = isBinary ? undefined : tokenIn(data);
      if (token === undefined)
        first.reject(refusal('the first frame must be {"type":"auth","data":{"token":"…"}}'));
      else first.resolve(token);
    });
    return await withDeadline(Promise.race([first.promise, this.#closed.promise.then(() => null)]), {
      limitMs: limits.authMs,
      error: () => refusal(`no auth frame within ${limits.authMs / 1000} s`),
    });
  }

  /** The app, which the token's user may follow. */
  async #admitted(token: string): Promise<App> {
    const user = await userOf(this.#platform, token);
    const app = await appFor(this.#platform, user, this.#options.app ?? "");
    if (!this.#options.admit(user)) throw tooManyConnections();
    this.#user = user;
    this.#admission = { token, appId: app.id };
    return app;
  }

  /** Asks for a sign of life. */
  #ask(): void {
    this.#options.webSocket.ping();
    this.#unaskedBytes = 0;
  }

  #follow(app: App): void {
    const { feed, logger } = this.#platform;
    const { socket, limits, origin } = this.#options;
    this.#follower = feed.follow(app.id, {
      send: (event) => {
        if (!this.#open) return undefined;
        const frames = framesOf(event, origin);
        socket.write(frames);
        this.#unaskedBytes += frames.length;
        if (this.#unaskedBytes >= askEveryBytes) this.#ask();
        return socket.writableLength > limits.backlogBytes ? this.#drained() : undefined;
      },
      onFailure: (error) => {
        logger.error({ err: error, app: app.id }, "a follower failed");
        this.close(closeFor(error));
      },
    });
  }

  /** Resolves when the client has taken all that waits in its socket, or is gone. */
  async #drained(): Promise<void> {
    const { socket } = this.#options;
    const drained = Promise.withResolvers<void>();
    const onDrain = () => drained.resolve();
    socket.once("drain", onDrain);
    await Promise.race([drained.promise, this.#closed.promise]);
    socket.off("drain", onDrain);
  }
}

/** @returns undefined for what is no auth frame. */
function tokenIn(data: RawData): string | undefined {
  try {
    const text = Buffer.isBuffer(data) ? data.toString() : "";
    return authFrame.parse(JSON.parse(text)).data.token;
  } catch {
    return undefined;
  }
}
