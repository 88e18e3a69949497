// One follower of an app: sends what was, then what is, at the pace of whoever takes it.

import type { Deployment, StatusChange } from "@slipway/core";
import type { AppFeed } from "./app-feed.ts";
import { isDone, nextStatus } from "./cursor.ts";
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

export class Follower {
  readonly #feed: AppFeed;
  readonly #options: FollowerOptions;
  readonly #onClose: () => void;
  readonly #cursors = new Map<string, Cursor>();
  #started = false;
  #closed = false;
  /** What was there when the follower came has been looked at: a deployment that appears now is a new one. */
  #replayed = false;
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
    this.#cursors.set(only.deploymentId, { nextSeq: only.afterSeq + 1, statusesSent: only.afterStatus });
  }

  /** The deployment it is here for; undefined when it follows the whole app. */
  get only(): string | undefined {
    return this.#options.only?.deploymentId;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Whether a deployment it follows has more to say. */
  get unfinished(): boolean {
    if (!this.#replayed) return true;
    for (const deployment of this.#feed.deployments(this.only)) {
      const cursor = this.#cursors.get(deployment.id);
      if (cursor === undefined || !isDone(deployment, cursor)) return true;
    }
    return false;
  }

  /** Sends nothing more. Safe to repeat. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#onClose();
  }

  /** Begins: the app's deployments are known. */
  start(): void {
    this.#started = true;
    this.wake();
  }

  /** Something may have changed: looks at everything. */
  wake(): void {
    this.#awake = true;
    if (this.#started && !this.#running && !this.#closed) void this.#run();
  }

  /** Lines as they come. Sent at once where they follow on; otherwise they are read when it is their turn. */
  hear(deployment: Deployment, batch: LineBatch): void {
    if (this.only !== undefined && this.only !== deployment.id) return;
    const cursor = this.#cursors.get(deployment.id);
    if (!this.#started || this.#running || cursor === undefined || batch.firstSeq > cursor.nextSeq) {
      this.wake();
      return;
    }
    this.#held = this.#sendLines(deployment, cursor, batch);
    if (this.#held) this.wake();
  }

  async #run(): Promise<void> {
    this.#running = true;
    try {
      while (this.#awake && !this.#closed) {
        this.#awake = false;
        await this.#held;
        this.#held = undefined;
        for (const { id } of this.#feed.deployments(this.only)) await this.#advance(id);
        this.#replayed = true;
        this.#forget();
        this.#tellDone();
      }
    } catch (error) {
      // the store or Redis is away: the next resync wakes us
      this.#feed.trouble(error);
    } finally {
      this.#running = false;
    }
  }

  /** Sends all that is known of a deployment by now. */
  async #advance(id: string): Promise<void> {
    const cursor = this.#cursors.get(id) ?? (await this.#meet(id));
    if (cursor === undefined) return;
    await this.#untilTaken(id, (deployment) => this.#sendStatuses(deployment, cursor));
    let before = 0;
    while (cursor.nextSeq <= this.#feed.lastSeq(id) && cursor.nextSeq > before && !this.#closed) {
      before = cursor.nextSeq;
      for await (const batch of this.#feed.read(id, cursor.nextSeq)) {
        await this.#untilTaken(id, (deployment) => this.#sendLines(deployment, cursor, batch));
        if (this.#closed) return;
      }
    }
  }

  async #meet(id: string): Promise<Cursor | undefined> {
    const deployment = this.#feed.deployment(id);
    if (deployment === undefined) return undefined;
    const cursor: Cursor = { nextSeq: 1, statusesSent: 0 };
    this.#cursors.set(id, cursor);
    if (this.#replayed) await this.#send({ type: "new", deployment });
    return cursor;
  }

  /** Repeats a step, with the deployment as it is known by then, until nothing was held back. */
  async #untilTaken(id: string, step: (deployment: Deployment) => Held): Promise<void> {
    for (let held: Held; !this.#closed;) {
      const deployment = this.#feed.deployment(id);
      held = deployment && step(deployment);
      if (held === undefined) return;
      await held;
    }
  }

  /** Sends the batch's lines from the cursor on, and the statuses among them, until one is held back. */
  #sendLines(deployment: Deployment, cursor: Cursor, batch: LineBatch): Held {
    for (;;) {
      const held = this.#sendStatuses(deployment, cursor);
      if (held || this.#closed || cursor.nextSeq > lastSeqOf(batch)) return held;
      const next = nextStatus(deployment, cursor, this.#feed.finalForMs(deployment.id));
      const part = linesTo(linesFrom(batch, cursor.nextSeq), next?.afterSeq ?? lastSeqOf(batch));
      cursor.nextSeq = lastSeqOf(part) + 1;
      const taken = this.#send({ type: "log", deploymentId: deployment.id, batch: part });
      if (taken) return taken;
    }
  }

  /** Sends the statuses whose lines were sent, until one is held back. */
  #sendStatuses(deployment: Deployment, cursor: Cursor): Held {
    for (;;) {
      const next = nextStatus(deployment, cursor, this.#feed.finalForMs(deployment.id));
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
    const deployment = this.only === undefined ? undefined : this.#feed.deployment(this.only);
    const cursor = deployment && this.#cursors.get(deployment.id);
    if (this.#done || this.#closed || !deployment || !cursor || !isDone(deployment, cursor)) return;
    this.#done = true;
    this.#options.onDone?.(deployment);
  }

  /** Deployments that ended some time ago are listed no more. */
  #forget(): void {
    if (this.only !== undefined) return;
    for (const id of this.#cursors.keys()) {
      if (this.#feed.deployment(id) === undefined) this.#cursors.delete(id);
    }
  }
}
