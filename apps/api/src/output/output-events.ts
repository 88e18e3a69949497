// Sends a deployment's log and statuses as Server-Sent Events until its end. docs/protocol.md describes the events.
// Format: https://html.spec.whatwg.org/multipage/server-sent-events.html

import type { Request, Response } from "express";
import { contain } from "@slipway/async";
import { SlipwayError, isFinal } from "@slipway/core";
import type { Deployment, User } from "@slipway/core";
import type { FollowEvent, LogFeed } from "@slipway/logs";

export interface OutputEventsTiming {
  /** The maximum number of open event streams per user; 50 by default. */
  readonly perUser?: number;
  /** Interval of heartbeat comments and permission checks; 15 s by default, below common proxy timeouts. */
  readonly heartbeatMs?: number;
}

export interface OutputEventsOptions extends OutputEventsTiming {
  readonly feed: LogFeed;
  /** Called with the error that ended an event stream; its connection is closed. */
  readonly onFailure: (error: unknown) => void;
}

export interface EventsReader {
  readonly user: User;
  /** Whether the user may still read the log. Never rejects. */
  readonly isStillAllowed: () => Promise<boolean>;
}

interface Cursor {
  seq: number;
  status: number;
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
   * Sends the events after `Last-Event-ID`, or all of them, and then new ones until the deployment's end. Returns at once.
   * A user who loses the permission is disconnected within two heartbeats.
   * @throws {SlipwayError} "too-many-requests" if the user has too many open streams.
   */
  serve(
    deployment: Deployment,
    { user, isStillAllowed }: EventsReader,
    request: Request,
    response: Response,
  ): void {
    // The client disconnected during authentication: no "close" event would come to clean up.
    if (response.closed) return;
    const cursor = parseCursor(request.get("last-event-id"));
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
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-store",
      // Stops nginx from buffering events.
      "x-accel-buffering": "no",
    });
    response.flushHeaders();
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
      if (!response.writableNeedDrain && !response.writableEnded) response.write(":\n\n");
      if (!(await isStillAllowed())) end(response);
    };
    const heartbeat = setInterval(contain(beat, fail), heartbeatMs);
    resources.defer(() => clearInterval(heartbeat));
    const follower = feed.follow(deployment.appId, {
      only: { deploymentId: deployment.id, afterSeq: cursor.seq, afterStatus: cursor.status },
      send: (event) => writeText(response, textOf(event, cursor)),
      onDone: (done) => end(response, endOf(done, cursor)),
      onFailure: fail,
    });
    resources.defer(() => follower.close());
  }

  /** Ends all streams, and every later one at once: clients reconnect to another process and resume. */
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

function textOf(event: FollowEvent, cursor: Cursor): string {
  if (event.type === "new") return "";
  if (event.type === "status") {
    const { status, attempt, at } = event.change;
    cursor.status = event.index;
    return message("status", cursor, { status, index: event.index, attempt, at: at.toISOString() });
  }
  const { firstSeq: seq, lineCount, text } = event.batch;
  cursor.seq = seq + lineCount - 1;
  return message("log", cursor, { seq, lines: text.split("\n") });
}

function endOf({ logLineCount, logSha256: sha256 }: Deployment, cursor: Cursor): string {
  return message("end", cursor, { lineCount: logLineCount ?? 0, sha256 });
}

/** The data is one line, because JSON escapes line breaks. */
function message(event: string, { seq, status }: Cursor, data: unknown): string {
  return `id: ${seq}.${status}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}

/** A missing or malformed id counts as the start of the log. */
function parseCursor(lastEventId: string | undefined): Cursor {
  const [, seq, status] = /^(\d{1,12})\.(\d{1,6})$/.exec(lastEventId ?? "") ?? [];
  return { seq: Number(seq ?? 0), status: Number(status ?? 0) };
}

function isComplete({ status, history, logLineCount }: Deployment, cursor: Cursor): boolean {
  const ended = isFinal(status) && logLineCount !== null;
  return ended && cursor.status >= history.length && cursor.seq >= logLineCount;
}
