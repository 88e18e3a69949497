// A deployment's log and statuses as Server-Sent Events, to its end. docs/protocol.md describes them.
// Source of the format: https://html.spec.whatwg.org/multipage/server-sent-events.html

import type { Request, Response } from "express";
import { contain } from "@slipway/async";
import { SlipwayError, isFinal } from "@slipway/core";
import type { Deployment, User } from "@slipway/core";
import type { FollowEvent, LogFeed } from "@slipway/logs";

export interface OutputEventsTiming {
  /** How many one user may follow at once; 50 by default. */
  readonly perUser?: number;
  /** How often a comment is sent, and looked whether the user may follow on; 15 s by default, below what proxies wait. */
  readonly heartbeatMs?: number;
}

export interface OutputEventsOptions extends OutputEventsTiming {
  readonly feed: LogFeed;
  /** Gets the error of an answer that cannot go on; its connection is closed. */
  readonly onFailure: (error: unknown) => void;
}

export interface Watcher {
  readonly user: User;
  /** Whether they may still follow. Never rejects. */
  readonly mayGoOn: () => Promise<boolean>;
}

interface Cursor {
  seq: number;
  status: number;
}

export class OutputEvents implements Disposable {
  readonly #options: Required<OutputEventsOptions>;
  readonly #open = new Map<Response, User["id"]>();
  #ended = false;

  constructor(options: OutputEventsOptions) {
    this.#options = { perUser: 50, heartbeatMs: 15_000, ...options };
  }

  /**
   * Answers with what the client does not have yet (it says so by `Last-Event-ID`), and with what comes, to the deployment's end.
   * Returns at once. Who may not follow any more is cut off within two heartbeats. A client that has gone already is left alone.
   * @throws {SlipwayError} "too-many-requests".
   */
  serve(deployment: Deployment, { user, mayGoOn }: Watcher, request: Request, response: Response): void {
    // Its "close" has come and gone while the request was let in: nothing would end what is begun here.
    if (response.closed) return;
    const cursor = cursorIn(request.get("last-event-id"));
    if (hasAll(deployment, cursor)) {
      response.status(204).end();
      return;
    }
    const { feed, perUser, heartbeatMs, onFailure } = this.#options;
    if (this.#openOf(user) >= perUser) {
      throw new SlipwayError("too-many-requests", `at most ${perUser} outputs can be followed at once`);
    }
    response.writeHead(200, {
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-store",
      // nginx would hold events back
      "x-accel-buffering": "no",
    });
    response.flushHeaders();
    if (this.#ended) {
      response.end();
      return;
    }
    const held = new DisposableStack();
    response.once("close", () => held.dispose());
    this.#open.set(response, user.id);
    held.defer(() => this.#open.delete(response));
    const fail = (error: unknown) => {
      onFailure(error);
      response.destroy();
    };
    const beat = async () => {
      if (!response.writableNeedDrain && !response.writableEnded) response.write(":\n\n");
      if (!(await mayGoOn())) end(response);
    };
    const heartbeat = setInterval(contain(beat, fail), heartbeatMs);
    held.defer(() => clearInterval(heartbeat));
    const follower = feed.follow(deployment.appId, {
      only: { deploymentId: deployment.id, afterSeq: cursor.seq, afterStatus: cursor.status },
      send: (event) => written(response, textOf(event, cursor)),
      onDone: (done) => end(response, endOf(done, cursor)),
      onFailure: fail,
    });
    held.defer(() => follower.close());
  }

  /** Ends what is followed, and what is asked for from now on: clients come back and go on where they were. */
  [Symbol.dispose](): void {
    this.#ended = true;
    for (const response of this.#open.keys()) end(response);
  }

  #openOf(user: User): number {
    let count = 0;
    for (const id of this.#open.values()) if (id === user.id) count += 1;
    return count;
  }
}

/** Ends an answer that has not ended yet: a slow client may still be taking it when another reason to end it comes. */
function end(response: Response, text = ""): void {
  if (!response.writableEnded) response.end(text);
}

/** A promise while the client has not taken what was written. */
function written(response: Response, text: string): Promise<void> | undefined {
  if (response.closed || response.writableEnded || response.write(text)) return undefined;
  const taken = Promise.withResolvers<void>();
  const done = () => {
    response.off("drain", done).off("close", done);
    taken.resolve();
  };
  response.on("drain", done).on("close", done);
  return taken.promise;
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

/** JSON has no line breaks of its own, so the data is one line. */
function message(event: string, { seq, status }: Cursor, data: unknown): string {
  return `id: ${seq}.${status}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}

/** Whatever is not an id of ours stands for a client that has nothing. */
function cursorIn(lastEventId: string | undefined): Cursor {
  const [, seq, status] = /^(\d{1,12})\.(\d{1,6})$/.exec(lastEventId ?? "") ?? [];
  return { seq: Number(seq ?? 0), status: Number(status ?? 0) };
}

function hasAll({ status, history, logLineCount }: Deployment, cursor: Cursor): boolean {
  const over = isFinal(status) && logLineCount !== null;
  return over && cursor.status >= history.length && cursor.seq >= logLineCount;
}
