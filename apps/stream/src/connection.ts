// One WebSocket connection, from its upgrade to its close: authenticates the client, authorizes it, and sends it an app's events.

import type { Socket } from "node:net";
import { WebSocket } from "ws";
import type { RawData } from "ws";
import { withDeadline } from "@slipway/async";
import { toSlipwayError } from "@slipway/core";
import type { App, User } from "@slipway/core";
import type { Follower, LogFeed } from "@slipway/logs";
import { authFrame } from "@slipway/protocol";
import type { AuthFrame } from "@slipway/protocol";
import type { Logger } from "@slipway/service";
import type { Authorization } from "./authorization.ts";
import { closeFor, tooManyConnections, unauthorized, unresponsive } from "./close-codes.ts";
import type { Close } from "./close-codes.ts";
import type { Client } from "./client.ts";
import { framesOf, pingFrames } from "./frames.ts";
import type { ConnectionLimits } from "./limits.ts";

/** Dependencies that all connections of the process share. */
export interface ConnectionContext {
  readonly authorization: Pick<Authorization, "authenticate" | "reauthenticate" | "app">;
  readonly feed: Pick<LogFeed, "follow">;
  readonly logger: Logger;
  readonly now: () => Date;
}

export interface ConnectionOptions {
  readonly webSocket: WebSocket;
  /** The socket below the WebSocket. Complete frames may be written to it directly. */
  readonly socket: Socket;
  /** Name or id from the path; null when the path contains no app. */
  readonly app: string | null;
  readonly origin: string | undefined;
  /** The client's address key, see `addressKeys`. */
  readonly address: string;
  readonly limits: ConnectionLimits;
  /** Whether the user may open another connection. Called once, after authentication. */
  readonly admit: (user: User) => boolean;
}

/** The client is dropped after this many ping intervals without a pong or message. */
const maxSilentIntervals = 3;

/**
 * A ping frame is sent after this many bytes of events. A slow client may need minutes for its backlog, and would read a ping at the end of
 * the backlog too late.
 */
const pingEveryBytes = 64 * 1024;

export class Connection implements Client {
  readonly #context: ConnectionContext;
  readonly #options: ConnectionOptions;
  readonly #closed = Promise.withResolvers<void>();
  #follower: Follower | undefined;
  #user: User | undefined;
  #authorization: { readonly token: string; readonly appId: string } | undefined;
  #authenticating = false;
  #silentIntervals = 0;
  #bytesSincePing = 0;

  constructor(context: ConnectionContext, options: ConnectionOptions) {
    this.#context = context;
    this.#options = options;
    const { webSocket } = options;
    const alive = () => {
      this.#silentIntervals = 0;
    };
    webSocket.on("pong", alive).on("message", alive);
    webSocket.on("close", () => this.#closed.resolve());
    // A "close" event follows.
    webSocket.on("error", (error) => context.logger.debug({ err: error }, "a connection failed"));
  }

  get user(): User | undefined {
    return this.#user;
  }

  get address(): string {
    return this.#options.address;
  }

  get authenticating(): boolean {
    return this.#authenticating;
  }

  get unfinished(): boolean {
    return this.#follower?.unfinished === true;
  }

  /** Serves the client. Resolves when the connection is closed; never rejects. */
  async serve(): Promise<void> {
    try {
      const auth = await this.#credentials();
      if (auth === null) return;
      const app = await this.#authorize(auth.token);
      if (this.#open) this.#follow(app, auth.rewinds === true);
    } catch (thrown) {
      const close = closeFor(thrown);
      if (close.code === 1008) this.#context.logger.debug({ reason: close.reason }, "a client was refused");
      else this.#context.logger.error({ err: thrown }, "a client cannot be served");
      this.close(close);
    }
    await this.#closed.promise;
    this.#follower?.close();
  }

  close({ code, reason }: Close): void {
    this.#follower?.close();
    this.#options.webSocket.close(code, reason);
  }

  drop(close: Close): void {
    this.close(close);
    this.terminate();
  }

  terminate(): void {
    this.#options.webSocket.terminate();
  }

  ping(): void {
    const { socket, limits } = this.#options;
    this.#silentIntervals += 1;
    if (this.#silentIntervals > maxSilentIntervals) {
      this.drop(unresponsive);
      return;
    }
    const backlogged = socket.writableLength > limits.backlogBytes;
    if (this.#follower === undefined || !this.#open || backlogged) return;
    socket.write(pingFrames(this.#context.now()));
    this.#sendPing();
  }

  async recheck(): Promise<void> {
    if (this.#authorization === undefined || !this.#open) return;
    const { token, appId } = this.#authorization;
    const { authorization } = this.#context;
    try {
      await authorization.app(await authorization.reauthenticate(token), appId);
    } catch (error) {
      if (toSlipwayError(error).fault !== "user") throw error;
      this.close(closeFor(error));
    }
  }

  get #open(): boolean {
    return this.#options.webSocket.readyState === WebSocket.OPEN;
  }

  /** Waits for the auth frame. @returns its data; null when the client disconnected first. */
  async #credentials(): Promise<AuthFrame["data"] | null> {
    const { webSocket, limits, app } = this.#options;
    if (app === null) throw unauthorized("connect to /apps/NAME");
    const first = Promise.withResolvers<AuthFrame["data"]>();
    webSocket.once("message", (data, isBinary) => {
      const auth = isBinary ? undefined : authIn(data);
      if (auth === undefined)
        first.reject(unauthorized('the first frame must be {"type":"auth","data":{"token":"…"}}'));
      else first.resolve(auth);
    });
    return await withDeadline(Promise.race([first.promise, this.#closed.promise.then(() => null)]), {
      limitMs: limits.authMs,
      error: () => unauthorized(`no auth frame within ${limits.authMs / 1000} s`),
    });
  }

  /** @returns the app in the path, if the token's user may follow it. */
  async #authorize(token: string): Promise<App> {
    const { authorization } = this.#context;
    this.#authenticating = true;
    try {
      const user = await authorization.authenticate(token);
      const app = await authorization.app(user, this.#options.app ?? "");
      if (!this.#options.admit(user)) throw tooManyConnections();
      this.#user = user;
      this.#authorization = { token, appId: app.id };
      return app;
    } finally {
      this.#authenticating = false;
    }
  }

  #sendPing(): void {
    this.#options.webSocket.ping();
    this.#bytesSincePing = 0;
  }

  #follow(app: App, rewinds: boolean): void {
    const { feed, logger } = this.#context;
    const { socket, limits, origin } = this.#options;
    this.#follower = feed.follow(app.id, {
      send: (event) => {
        if (!this.#open) return undefined;
        const frames = framesOf(event, { origin, rewinds });
        if (frames.length === 0) return undefined;
        socket.write(frames);
        this.#bytesSincePing += frames.length;
        if (this.#bytesSincePing >= pingEveryBytes) this.#sendPing();
        return socket.writableLength > limits.backlogBytes ? this.#drained() : undefined;
      },
      onFailure: (error) => {
        logger.error({ err: error, app: app.id }, "a follower failed");
        this.close(closeFor(error));
      },
    });
  }

  /** Resolves when the socket's buffer is empty or the connection is closed. */
  async #drained(): Promise<void> {
    const { socket } = this.#options;
    const drained = Promise.withResolvers<void>();
    const onDrain = () => drained.resolve();
    socket.once("drain", onDrain);
    await Promise.race([drained.promise, this.#closed.promise]);
    socket.off("drain", onDrain);
  }
}

/** @returns undefined when the data is not an auth frame. */
function authIn(data: RawData): AuthFrame["data"] | undefined {
  try {
    const text = Buffer.isBuffer(data) ? data.toString() : "";
    return authFrame.parse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
