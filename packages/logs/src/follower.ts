// One follower of an app: replays past events, then sends live ones, as fast as its consumer accepts them.

import { setImmediate as nextTurn } from "node:timers/promises";
import { notFound } from "@slipway/core";
import type { Deployment } from "@slipway/core";
import type { PhaseMessage } from "@slipway/protocol";
import { change } from "@slipway/telemetry";
import type { AppFeed, FeedFollower } from "./app-feed.ts";
import { isDone, newCursor, nextStatus, recordCaughtUp } from "./cursor.ts";
import type { Cursor } from "./cursor.ts";
import type { FollowEvent, FollowerOptions } from "./follow-event.ts";
import { lastSeqOf, linesFrom, linesTo } from "./tail.ts";
import type { LineBatch } from "./tail.ts";
import { attemptOfClient, keptLines, keptSeq } from "./takeovers.ts";

/** Maximum number of phases kept for a slow consumer. Dropped phases are in the store. */
const maxPhases = 100;

/** Pending until the consumer can take another event; undefined when it can take one now. */
type Backpressure = Promise<void> | undefined;

export class Follower implements FeedFollower {
  readonly #feed: AppFeed;
  readonly #options: FollowerOptions;
  readonly #onClose: () => void;
  readonly #cursors = new Map<string, Cursor>();
  #started = false;
  #closed = false;
  #running = false;
  #wakePending = false;
  #done = false;
  /** Received but unsent phases, at most `maxPhases`. */
  #phases: PhaseMessage[] = [];
  /** Backpressure of the last live batch. */
  #backpressure: Backpressure;

  /** Use `LogFeed.follow`. */
  constructor(feed: AppFeed, options: FollowerOptions, onClose: () => void) {
    this.#feed = feed;
    this.#options = options;
    this.#onClose = onClose;
    change("slipway_log_followers", {}, 1);
    const { only } = options;
    if (only === undefined) return;
    const position = { nextSeq: only.afterSeq + 1, statusesSent: only.afterStatus };
    this.#cursors.set(only.deploymentId, newCursor(position));
  }

  /** Ids of the deployments that the feed must cache for this follower: the one in `only`, or all that are not completely sent. */
  get requiredDeployments(): Iterable<string> {
    if (this.#only !== undefined) return [this.#only];
    return this.#cursors.keys().filter((id) => !this.#isDone(id));
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Whether a followed deployment has not ended, or its events are not all sent. */
  get unfinished(): boolean {
    return !this.#started || this.#cursors.keys().some((id) => !this.#isDone(id));
  }

  /** Stops sending. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    change("slipway_log_followers", {}, -1);
    this.#onClose();
  }

  /** Starts sending. Called when the feed has cached the app's deployments; later ones are announced as new. */
  start(): void {
    this.#addCursors({ announced: true });
    this.#started = true;
    this.wake();
  }

  /** Called when the cached deployments may have changed. Sends the events that follow the cursors. */
  wake(): void {
    if (!this.#started || this.#closed) return;
    // Added at once, so that the feed keeps the deployments cached until this follower has sent them.
    this.#addCursors({ announced: false });
    this.#wakePending = true;
    if (!this.#running) this.#run().catch((error: unknown) => this.#feed.reportError(error));
  }

  /** Sends live lines at once when they follow the cursor. Otherwise the lines are read from Redis or the store later. */
  receiveLines(deployment: Deployment, batch: LineBatch): void {
    if (this.#only !== undefined && this.#only !== deployment.id) return;
    const cursor = this.#cursors.get(deployment.id);
    const ready = this.#started && !this.#running && cursor?.announced === true;
    if (!ready) {
      this.wake();
      return;
    }
    this.#backpressure = this.#rewind(deployment, cursor);
    const continues = batch.firstSeq <= cursor.nextSeq && !this.#backpressure;
    if (continues) this.#backpressure = this.#sendLines(deployment, cursor, batch);
    if (!continues || this.#backpressure) this.wake();
  }

  /** Sends the phase after the available lines before it. */
  receivePhase(phase: PhaseMessage): void {
    if (this.#only !== undefined && this.#only !== phase.deploymentId) return;
    this.#phases = [...this.#phases, phase].slice(-maxPhases);
    this.wake();
  }

  async #run(): Promise<void> {
    this.#running = true;
    try {
      while (this.#wakePending && !this.#closed) {
        this.#wakePending = false;
        await this.#backpressure;
        this.#backpressure = undefined;
        for (const [id, cursor] of this.#cursors) {
          if (this.#feed.deployment(id) !== undefined) await this.#tryAdvance(id, cursor);
        }
        await this.#sendPhases();
        this.#removeFinishedCursors();
        this.#notifyDone();
      }
    } finally {
      this.#running = false;
    }
  }

  /** Adds a cursor for each listed deployment, unless the follower follows `only` one. */
  #addCursors({ announced }: Pick<Cursor, "announced">): void {
    if (this.#only !== undefined) return;
    for (const id of this.#feed.listed()) {
      if (!this.#cursors.has(id)) this.#cursors.set(id, newCursor({ announced }));
    }
  }

  /** A deployment whose events cannot be read does not block the others. The next resync retries it. */
  async #tryAdvance(id: string, cursor: Cursor): Promise<void> {
    try {
      await this.#advance(id, cursor);
    } catch (error) {
      this.#feed.reportError(error);
    }
  }

  /** Sends all available events of a deployment. */
  async #advance(id: string, cursor: Cursor): Promise<void> {
    await this.#untilConsumed(id, (deployment) => this.#announce(deployment, cursor));
    await this.#compareWithStore(id, cursor);
    await this.#untilConsumed(id, (deployment) => this.#sendStatuses(deployment, cursor));
    // A failed read does not prove that lines are missing: it leaves null here, which restarts the timeout.
    const { missing } = cursor;
    cursor.missing = null;
    let previousSeq = 0;
    while (cursor.nextSeq <= this.#feed.lastSeq(id) && cursor.nextSeq > previousSeq && !this.#closed) {
      previousSeq = cursor.nextSeq;
      for await (const batch of this.#feed.read(id, cursor.nextSeq)) {
        await this.#untilConsumed(id, (deployment) => this.#sendLines(deployment, cursor, batch));
        // Otherwise a consumer that accepts everything at once would block the event loop.
        await nextTurn();
        if (this.#closed) return;
        // After a rewind this read is outdated: the wake-up for the takeover continues.
        if (cursor.nextSeq <= lastSeqOf(batch)) break;
      }
    }
    cursor.missing = missing;
    await this.#untilConsumed(id, (deployment) => {
      recordCaughtUp(deployment, cursor, this.#feed.now());
      return this.#sendStatuses(deployment, cursor);
    });
  }

  /** Rewinds if a newer attempt took over the log and started before lines that were sent. */
  #rewind(deployment: Deployment, cursor: Cursor): Backpressure {
    const takeovers = this.#feed.takeovers(deployment.id);
    if (cursor.attempt !== null && cursor.attempt >= takeovers.newest) return undefined;
    const known = cursor.attempt ?? attemptOfClient(deployment, takeovers, cursor.statusesSent);
    const afterSeq = keptSeq(takeovers, known, cursor.nextSeq - 1);
    cursor.attempt = Math.max(known, takeovers.newest);
    return this.#rewindTo(deployment.id, cursor, afterSeq);
  }

  /** Rewinds according to the stored log if the deployment has ended and its last attempts are not all known here, as after a pause. */
  async #compareWithStore(id: string, cursor: Cursor): Promise<void> {
    await this.#untilConsumed(id, (deployment) => this.#rewind(deployment, cursor));
    const { attempt = 0, logLineCount = null } = this.#feed.deployment(id) ?? {};
    if (logLineCount === null || attempt <= (cursor.attempt ?? 0)) return;
    const sentSeq = cursor.nextSeq - 1;
    const afterSeq = sentSeq === 0 ? 0 : await this.#feed.keptSeqInStore(id, cursor.attempt ?? 0, sentSeq);
    cursor.attempt = attempt;
    await this.#rewindTo(id, cursor, afterSeq);
  }

  #rewindTo(deploymentId: string, cursor: Cursor, afterSeq: number): Backpressure {
    const lineCount = cursor.nextSeq - 1 - afterSeq;
    if (lineCount <= 0 || this.#closed) return undefined;
    cursor.nextSeq = afterSeq + 1;
    return this.#send({ type: "rewind", deploymentId, afterSeq, lineCount });
  }

  async #sendPhases(): Promise<void> {
    for (let phase = this.#phases.shift(); phase !== undefined && !this.#closed; phase = this.#phases.shift())
      await this.#send({ type: "phase", deploymentId: phase.deploymentId, phase });
  }

  #announce(deployment: Deployment, cursor: Cursor): Backpressure {
    if (cursor.announced) return undefined;
    cursor.announced = true;
    return this.#send({ type: "new", deployment });
  }

  /**
   * Repeats a step, each time with the currently cached deployment, until it causes no backpressure.
   * @throws {SlipwayError} "not-found" when the deployment is no longer cached; the next wake sends the rest.
   */
  async #untilConsumed(id: string, step: (deployment: Deployment) => Backpressure): Promise<void> {
    while (!this.#closed) {
      const deployment = this.#feed.deployment(id);
      if (deployment === undefined) throw notFound("deployment");
      const backpressure = step(deployment);
      if (backpressure === undefined) return;
      await backpressure;
    }
  }

  /** Sends the batch's lines from the cursor on, and the statuses among them, until one causes backpressure. */
  #sendLines(deployment: Deployment, cursor: Cursor, batch: LineBatch): Backpressure {
    for (;;) {
      const ofStatuses = this.#sendStatuses(deployment, cursor);
      const kept = keptLines(this.#feed.takeovers(deployment.id), batch);
      if (ofStatuses || this.#closed || kept === undefined) return ofStatuses;
      if (kept.firstSeq > cursor.nextSeq || lastSeqOf(kept) < cursor.nextSeq) return undefined;
      const next = nextStatus(deployment, cursor);
      const part = linesTo(linesFrom(kept, cursor.nextSeq), next?.afterSeq ?? lastSeqOf(kept));
      cursor.nextSeq = lastSeqOf(part) + 1;
      const ofLines = this.#send({ type: "log", deploymentId: deployment.id, batch: part });
      if (ofLines) return ofLines;
    }
  }

  /** Sends the statuses whose lines were sent, until one causes backpressure. */
  #sendStatuses(deployment: Deployment, cursor: Cursor): Backpressure {
    const ofRewind = this.#rewind(deployment, cursor);
    if (ofRewind) return ofRewind;
    for (;;) {
      const next = nextStatus(deployment, cursor);
      if (next === null || next.afterSeq >= cursor.nextSeq || this.#closed) return undefined;
      cursor.statusesSent += 1;
      const { id: deploymentId } = deployment;
      const backpressure = this.#send({
        type: "status",
        deploymentId,
        change: next.change,
        index: cursor.statusesSent,
      });
      if (backpressure) return backpressure;
    }
  }

  #send(event: FollowEvent): Backpressure {
    try {
      const result = this.#options.send(event);
      return result instanceof Promise ? result.catch((error: unknown) => this.#fail(error)) : undefined;
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

  #notifyDone(): void {
    const deployment = this.#only === undefined ? undefined : this.#feed.deployment(this.#only);
    if (this.#done || this.#closed || !deployment || !this.#isDone(deployment.id)) return;
    this.#done = true;
    this.#options.onDone?.(deployment);
  }

  /** Removes the cursors of deployments that are no longer listed, unless some of their events are still unsent. */
  #removeFinishedCursors(): void {
    if (this.#only !== undefined) return;
    for (const id of this.#cursors.keys()) {
      if (!this.#feed.isListed(id) && this.#isDone(id)) this.#cursors.delete(id);
    }
  }

  #isDone(id: string): boolean {
    const [deployment, cursor] = [this.#feed.deployment(id), this.#cursors.get(id)];
    return deployment !== undefined && cursor !== undefined && isDone(deployment, cursor);
  }

  /** Id of the only followed deployment; undefined when the follower follows the whole app. */
  get #only(): string | undefined {
    return this.#options.only?.deploymentId;
  }
}
