// Sends a deployment's log and statuses to a client until its end, as Server-Sent Events or as plain text.

import type { Request, Response } from "express";
import { contain } from "@slipway/async";
import { SlipwayError, isFinal } from "@slipway/core";
import type { Deployment, User } from "@slipway/core";
import type { LogFeed } from "@slipway/logs";
import type { Cursor, OutputFormat } from "./output-format.ts";

/** After this time without traffic, TCP keep-alive probes check whether the client still exists. */
const probeAfterMs = 60_000;

export interface OutputEventsTiming {
  /** The maximum number of open event streams per user; 50 by default. */
  readonly perUser?: number;
  /** Interval of heartbeats and permission checks; 15 s by default, below common proxy timeouts. */
  readonly heartbeatMs?: number;
}

export interface OutputEventsOptions extends OutputEventsTiming {
  readonly feed: LogFeed;
  /** Called with the error that ended an event stream; its connection is closed. */
  readonly onFailure: (error: unknown) => void;
}

export interface EventsReader {
  readonly user: User;
  readonly format: OutputFormat;
  /** Whether the user may still read the log. Never rejects. */
  readonly isStillAllowed: () => Promise<boolean>;
}

/** The open event streams of this process. */
export class OutputEvents implements Disposable {
  readonly #options: Required<OutputEventsOptions>;
  readonly #openStreams = new Map<Response, User["id"]>();
  #stopped = false;

  constructor(options: OutputEventsOptions) {
    this.#options = { perUser: 50, heartbeatMs: 15_000, ...options };
  }

  /**
   * Sends the events after `Last-Event-ID`, or all of them, and then new ones until the deployment's end. Returns at once. A user who loses
   * the permission is disconnected within two heartbeats.
   * @throws {SlipwayError} "too-many-requests" if the user has too many open streams.
   */
  serve(
    deployment: Deployment,
    { user, format, isStillAllowed }: EventsReader,
    request: Request,
    response: Response,
  ): void {
    // The client disconnected during authentication: no "close" event will follow to clean up.
    if (response.closed) return;
    const cursor = format.parseCursor(request.get("last-event-id"));
    if (isComplete(deployment, cursor)) {
      response.status(204).end();
      return;
    }
    const { feed, perUser, heartbeatMs, onFailure } = this.#options;
    if (this.#countOf(user) >= perUser) {
      throw new SlipwayError(
        "too-many-requests",
        `at most ${perUser} event streams can be open at once; close one first`,
      );
    }
    response.writeHead(200, {
      "content-type": format.contentType,
      "cache-control": "no-store",
      // Stops nginx from buffering events.
      "x-accel-buffering": "no",
    });
    response.flushHeaders();
    keepWhileSilent(request, response);
    if (this.#stopped) {
      response.end();
      return;
    }
    const resources = new DisposableStack();
    response.once("close", () => resources.dispose());
    this.#openStreams.set(response, user.id);
    resources.defer(() => this.#openStreams.delete(response));
    const fail = (error: unknown) => {
      onFailure(error);
      response.destroy();
    };
    const beat = async () => {
      if (format.heartbeat !== "" && !response.writableNeedDrain && !response.writableEnded)
        response.write(format.heartbeat);
      if (!(await isStillAllowed())) end(response);
    };
    const heartbeat = setInterval(contain(beat, fail), heartbeatMs);
    resources.defer(() => clearInterval(heartbeat));
    const follower = feed.follow(deployment.appId, {
      only: { deploymentId: deployment.id, afterSeq: cursor.seq, afterStatus: cursor.status },
      send: (event) => writeText(response, format.textOf(event, cursor)),
      onDone: (done) => end(response, format.endOf(done, cursor)),
      onFailure: fail,
    });
    resources.defer(() => follower.close());
  }

  /** Ends all streams, and each later one as soon as it begins. Clients reconnect to another process and resume. */
  [Symbol.dispose](): void {
    this.#stopped = true;
    for (const response of this.#openStreams.keys()) end(response);
  }

  #countOf(user: User): number {
    let count = 0;
    for (const id of this.#openStreams.values()) if (id === user.id) count += 1;
    return count;
  }
}

/**
 * Keeps the connection open while there is nothing to send. Its idle timeout closes it only if the client does not read the data that was
 * sent. TCP closes it if the client is gone.
 */
function keepWhileSilent({ socket }: Request, response: Response): void {
  socket.setKeepAlive(true, probeAfterMs);
  response.on("timeout", () => {
    if (response.writableNeedDrain) socket.destroy();
  });
}

/** Ends a response unless it has ended: a slow client may still be reading it when a second reason to end it occurs. */
function end(response: Response, text = ""): void {
  if (!response.writableEnded) response.end(text);
}

/** Writes text. @returns a promise for the drained buffer; undefined if there is no need to wait. */
function writeText(response: Response, text: string): Promise<void> | undefined {
  if (response.closed || response.writableEnded || response.write(text)) return undefined;
  const drained = Promise.withResolvers<void>();
  const done = () => {
    response.off("drain", done).off("close", done);
    drained.resolve();
  };
  response.on("drain", done).on("close", done);
  return drained.promise;
}

function isComplete({ status, history, logLineCount }: Deployment, cursor: Cursor): boolean {
  const ended = isFinal(status) && logLineCount !== null;
  return ended && cursor.status >= history.length && cursor.seq >= logLineCount;
}
