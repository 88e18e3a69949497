// One follower of an app: sends what was, then what is, at the pace of whoever takes it.

import { notFound } from "@slipway/core";
import type { Deployment, StatusChange } from "@slipway/core";
import type { AppFeed, FeedFollower } from "./app-feed.ts";
import { isDone, newCursor, nextStatus, noteNothingToRead } from "./cursor.ts";
import type { Cursor } from "./cursor.ts";
import { lastSeqOf, linesFrom, linesTo } from "./tail.ts";
import type { LineBatch } from "./tail.ts";

export type FollowEvent =
  /** A deployment was created after the follower came. */
  | { readonly type: "new"; readonly deployment: Deployment }
  /** `index` is the status's place in the deployment's history, from 1. */
  | {
      readonly type: "status";
      readonly deploymentId: string;
      readonly change: StatusChange;
      readonly index: number;
    }
  /** Consecutive lines. Live, every follower of an app gets the same `batch` object: what is made of it can be shared. */
  | { readonly type: "log"; readonly deploymentId: string; readonly batch: LineBatch };

/** One deployment, from where a follower broke off. */
export interface FollowOne {
  readonly deploymentId: string;
  /** Number of the last line it has; 0 for none. */
  readonly afterSeq: number;
  /** Index of the last status it has; 0 for none. */
  readonly afterStatus: number;
}

export interface FollowerOptions {
  /** Only this deployment, however long ago it ended. Without it, all that the app has unfinished or just finished. */
  readonly only?: FollowOne;
  /**
   * Takes an event. A promise it returns holds further ones back: they are not kept in memory meanwhile, but read from the
   * store and Redis when it goes on. It has to settle when the follower is closed.
   */
  readonly send: (event: FollowEvent) => void | Promise<void>;
  /** `send` threw or rejected, and the follower is closed. */
  readonly onFailure: (error: unknown) => void;
  /** All there is to say of `only` was sent and taken. Called once; the follower stays until it is closed. */
  readonly onDone?: (deployment: Deployment) => void;
}

type Held = Promise<void> | undefined;

export class Follower implements FeedFollower {
  readonly #feed: AppFeed;
  readonly #options: FollowerOptions;
  readonly #onClose: () => void;
  readonly #cursors = new Map<string, Cursor>();
  #started = false;
  #closed = false;
  #running = false;
  #awake = false;
  #done = false;
  /** A live batch that its taker has not taken whole. */
  #held: Held;

  /** Use LogFeed.follow. */
  constructor(feed: AppFeed, options: FollowerOptions, onClose: () => void) {
    this.#feed = feed;
    this.#options = options;
    this.#onClose = onClose;
    const { only } = options;
    if (only === undefined) return;
    const has = { nextSeq: only.afterSeq + 1, statusesSent: only.afterStatus };
    this.#cursors.set(only.deploymentId, newCursor(has));
  }

  /** Deployments that it has to be told of, listed or not: the one it is here for, or those it is not done with. */
  get needs(): Iterable<string> {
    if (this.#only !== undefined) return [this.#only];
    return this.#cursors.keys().filter((id) => !this.#isDone(id));
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Whether a deployment it follows has more to say. */
  get unfinished(): boolean {
    return !this.#started || this.#cursors.keys().some((id) => !this.#isDone(id));
  }

  /** Sends nothing more. Safe to repeat. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#onClose();
  }

  /** Begins: the app's deployments are known. One that appears later is a new one. */
  start(): void {
    this.#meet({ announced: true });
    this.#started = true;
    this.wake();
  }

  /** Something may have changed: looks at everything. */
  wake(): void {
    if (!this.#started || this.#closed) return;
    // now, however long it takes until it is their turn: what a follower has met is not forgotten before it was told
    this.#meet({ announced: false });
    this.#awake = true;
    if (!this.#running) this.#run().catch((error: unknown) => this.#feed.reportError(error));
  }

  /** Lines as they come. Sent at once where they follow on; otherwise they are read when it is their turn. */
  hear(deployment: Deployment, batch: LineBatch): void {
    if (this.#only !== undefined && this.#only !== deployment.id) return;
    const cursor = this.#cursors.get(deployment.id);
    const ready = this.#started && !this.#running && cursor?.announced === true;
    if (!ready || batch.firstSeq > cursor.nextSeq) {
      this.wake();
      return;
    }
    this.#held = this.#sendLines(deployment, cursor, batch);
    if (this.#held) this.wake();
  }

  /** Rejects when the store or Redis is away; the next resync wakes the follower again. */
  async #run(): Promise<void> {
    this.#running = true;
    try {
      while (this.#awake && !this.#closed) {
        this.#awake = false;
        await this.#held;
        this.#held = undefined;
        for (const [id, cursor] of this.#cursors) {
          if (this.#feed.deployment(id) !== undefined) await this.#advance(id, cursor);
        }
        this.#forget();
        this.#tellDone();
      }
    } finally {
      this.#running = false;
    }
  }

  /** Of the whole app, every deployment that is listed is followed from its beginning. */
  #meet({ announced }: Pick<Cursor, "announced">): void {
    if (this.#only !== undefined) return;
    for (const id of this.#feed.listed()) {
      if (!this.#cursors.has(id)) this.#cursors.set(id, newCursor({ announced }));
    }
  }

  /** Sends all that is known of a deployment by now. */
  async #advance(id: string, cursor: Cursor): Promise<void> {
    await this.#untilTaken(id, (deployment) => this.#announce(deployment, cursor));
    await this.#untilTaken(id, (deployment) => this.#sendStatuses(deployment, cursor));
    // a look that fails finds nothing out: after it the patience begins anew
    const { stuck } = cursor;
    cursor.stuck = null;
    let before = 0;
    while (cursor.nextSeq <= this.#feed.lastSeq(id) && cursor.nextSeq > before && !this.#closed) {
      before = cursor.nextSeq;
      for await (const batch of this.#feed.read(id, cursor.nextSeq)) {
        await this.#untilTaken(id, (deployment) => this.#sendLines(deployment, cursor, batch));
        if (this.#closed) return;
      }
    }
    cursor.stuck = stuck;
    await this.#untilTaken(id, (deployment) => {
      noteNothingToRead(deployment, cursor, this.#feed.now());
      return this.#sendStatuses(deployment, cursor);
    });
  }

  #announce(deployment: Deployment, cursor: Cursor): Held {
    if (cursor.announced) return undefined;
    cursor.announced = true;
    return this.#send({ type: "new", deployment });
  }

  /**
   * Repeats a step, with the deployment as it is known by then, until nothing was held back.
   * @throws {SlipwayError} "not-found" when it is not known any more: then it is not over, but read again.
   */
  async #untilTaken(id: string, step: (deployment: Deployment) => Held): Promise<void> {
    for (let held: Held; !this.#closed;) {
      const deployment = this.#feed.deployment(id);
      if (deployment === undefined) throw notFound("deployment");
      held = step(deployment);
      if (held === undefined) return;
      await held;
    }
  }

  /** Sends the batch's lines from the cursor on, and the statuses among them, until one is held back. */
  #sendLines(deployment: Deployment, cursor: Cursor, batch: LineBatch): Held {
    for (;;) {
      const held = this.#sendStatuses(deployment, cursor);
      if (held || this.#closed || cursor.nextSeq > lastSeqOf(batch)) return held;
      const next = nextStatus(deployment, cursor);
      const part = linesTo(linesFrom(batch, cursor.nextSeq), next?.afterSeq ?? lastSeqOf(batch));
      cursor.nextSeq = lastSeqOf(part) + 1;
      const taken = this.#send({ type: "log", deploymentId: deployment.id, batch: part });
      if (taken) return taken;
    }
  }

  /** Sends the statuses whose lines were sent, until one is held back. */
  #sendStatuses(deployment: Deployment, cursor: Cursor): Held {
    for (;;) {
      const next = nextStatus(deployment, cursor);
      if (next === null || next.afterSeq >= cursor.nextSeq || this.#closed) return undefined;
      cursor.statusesSent += 1;
      const { id: deploymentId } = deployment;
      const held = this.#send({
        type: "status",
        deploymentId,
        change: next.change,
        index: cursor.statusesSent,
      });
      if (held) return held;
    }
  }

  #send(event: FollowEvent): Held {
    try {
      const held = this.#options.send(event);
      return held instanceof Promise ? held.catch((error: unknown) => this.#fail(error)) : undefined;
    } catch (error) {
      this.#fail(error);
      return undefined;
    }
  }

  #fail(error: unknown): void {
    if (this.#closed) return;
    this.close();
    this.#options.onFailure(error);
  }

  #tellDone(): void {
    const deployment = this.#only === undefined ? undefined : this.#feed.deployment(this.#only);
    if (this.#done || this.#closed || !deployment || !this.#isDone(deployment.id)) return;
    this.#done = true;
    this.#options.onDone?.(deployment);
  }

  /** Deployments that ended some time ago are listed no more. Those it was not told all of it goes on asking for. */
  #forget(): void {
    if (this.#only !== undefined) return;
    for (const id of this.#cursors.keys()) {
      if (!this.#feed.isListed(id) && this.#isDone(id)) this.#cursors.delete(id);
    }
  }

  #isDone(id: string): boolean {
    const [deployment, cursor] = [this.#feed.deployment(id), this.#cursors.get(id)];
    return deployment !== undefined && cursor !== undefined && isDone(deployment, cursor);
  }

  /** The deployment it is here for; undefined when it follows the whole app. */
  get #only(): string | undefined {
    return this.#options.only?.deploymentId;
  }
}
