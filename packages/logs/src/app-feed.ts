// One app's deployments, cached once per process and shared by all followers of the app.

import type { Bus } from "@slipway/bus";
import { isFinal } from "@slipway/core";
import type { Deployment, DeploymentStore, LogStore } from "@slipway/core";
import type { AppMessage, LogMessage, PhaseMessage } from "@slipway/protocol";
import { maxEventSize } from "./limits.ts";
import { readLog } from "./read-log.ts";
import type { SharedReads } from "./shared-reads.ts";
import { batchOfMessage, countLines, lastSeqOf, splitBatch } from "./tail.ts";
import type { LineBatch } from "./tail.ts";
import { keptLines, keptSeqInStore, takeoversOf } from "./takeovers.ts";
import type { Takeover, Takeovers } from "./takeovers.ts";

export interface AppFeedOptions {
  readonly appId: string;
  readonly bus: Bus;
  readonly store: { readonly logs: LogStore; readonly deployments: Pick<DeploymentStore, "recent" | "get"> };
  /** Shares the followers' reads across all apps of the process. */
  readonly reads: SharedReads;
  readonly now: () => Date;
  readonly onError: (error: unknown) => void;
  /** How long a deployment remains listed after its end. */
  readonly recentMs: number;
}

interface CachedDeployment {
  readonly deployment: Deployment;
  /** The highest line number seen in Redis, the store or a message of the log's current attempt. */
  lastSeq: number;
  /** The attempt that owns the log in Redis, as last seen there or in a message. */
  writer: Takeover | undefined;
  takeovers: Takeovers;
  /**
   * Whether every follower of the app receives it. Deployments that ended earlier are cached only for followers that requested them
   * by id, or have not yet received all their events.
   */
  readonly listed: boolean;
}

type LogEnd = Pick<CachedDeployment, "lastSeq" | "writer">;

const noEnd: LogEnd = { lastSeq: 0, writer: undefined };
const noTakeovers: Takeovers = { newest: 0, all: [] };

/** The interface of a follower towards its feed. */
export interface FeedFollower {
  /** Ids of the deployments that the feed must cache for this follower. */
  readonly requiredDeployments: Iterable<string>;
  /** Sends the events after those already sent. */
  wake(): void;
  /** Receives a live batch. */
  receiveLines(deployment: Deployment, batch: LineBatch): void;
  /** Receives the start or the end of a phase. */
  receivePhase(phase: PhaseMessage): void;
  close(): void;
}

export class AppFeed {
  readonly #options: AppFeedOptions;
  readonly #followers = new Set<FeedFollower>();
  /** Ordered by deployment number. */
  #cache = new Map<string, CachedDeployment>();
  #listedAt: Date | undefined;
  #reading: Promise<void> | undefined;
  #nextReading: Promise<void> | undefined;
  /** Set after a status message, until the cache contains the status. Meanwhile, following live lines are not sent. */
  #stale = false;

  constructor(options: AppFeedOptions) {
    this.#options = options;
  }

  get appId(): string {
    return this.#options.appId;
  }

  /** Ids of the unfinished and recently finished deployments, oldest first. */
  listed(): Iterable<string> {
    return this.#cache
      .entries()
      .filter(([, { listed }]) => listed)
      .map(([id]) => id);
  }

  isListed(deploymentId: string): boolean {
    return this.#cache.get(deploymentId)?.listed === true;
  }

  deployment(deploymentId: string): Deployment | undefined {
    return this.#cache.get(deploymentId)?.deployment;
  }

  now(): Date {
    return this.#options.now();
  }

  /** The number of the deployment's last cached line; 0 for none. */
  lastSeq(deploymentId: string): number {
    return this.#cache.get(deploymentId)?.lastSeq ?? 0;
  }

  /** Reads the deployment's lines from `fromSeq` to at least `lastSeq`. */
  async *read(deploymentId: string, fromSeq: number): AsyncGenerator<LineBatch, void> {
    const { bus, store, reads } = this.#options;
    const untilSeq = this.lastSeq(deploymentId);
    const attempt = Math.max(
      this.deployment(deploymentId)?.attempt ?? 0,
      this.takeovers(deploymentId).newest,
    );
    // A frozen worker may later store lines that have been replaced in the meantime.
    const kept = (batches: readonly LineBatch[]) =>
      batches.flatMap((batch) => keptLines(this.takeovers(deploymentId), batch) ?? []);
    yield* readLog({
      bus,
      logs: store.logs,
      deploymentId,
      fromSeq,
      untilSeq,
      share: (read, load) => reads.read({ ...read, deploymentId, attempt }, async () => kept(await load())),
    });
  }

  /** The known takeovers of the deployment's log. */
  takeovers(deploymentId: string): Takeovers {
    return this.#cache.get(deploymentId)?.takeovers ?? noTakeovers;
  }

  /** The last line up to `seq` that no attempt after `attempt` has replaced, according to the stored log of an ended deployment. */
  keptSeqInStore(deploymentId: string, attempt: number, seq: number): Promise<number> {
    return keptSeqInStore(this.#options.store.logs, deploymentId, { attempt, seq });
  }

  add(follower: FeedFollower): void {
    this.#followers.add(follower);
  }

  /** @returns whether the app has no followers left. */
  remove(follower: FeedFollower): boolean {
    return this.#followers.delete(follower) && this.#followers.size === 0;
  }

  closeAll(): void {
    for (const follower of this.#followers) follower.close();
  }

  reportError(error: unknown): void {
    this.#options.onError(error);
  }

  /** Handles a message of the app's channel. */
  receive(message: AppMessage): void {
    if (message.type === "log") this.#receiveLines(message);
    else if (message.type === "phase") for (const follower of this.#followers) follower.receivePhase(message);
    else {
      this.#stale = true;
      this.resync();
    }
  }

  /** Refreshes the cache in case messages were lost, and wakes the followers. Reports errors. */
  resync(): void {
    this.refresh().catch((error: unknown) => this.reportError(error));
  }

  /**
   * Reads the deployments again and wakes the followers. The read starts after the call: calls during a read share the
   * next one.
   */
  refresh(): Promise<void> {
    if (this.#reading === undefined) return this.#startReading();
    this.#nextReading ??= this.#reading.then(
      () => this.#startReading(),
      () => this.#startReading(),
    );
    return this.#nextReading;
  }

  #startReading(): Promise<void> {
    this.#nextReading = undefined;
    this.#reading = this.#read().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #read(): Promise<void> {
    await this.#readRecent();
    this.#stale = this.#nextReading !== undefined;
  }

  async #readRecent(): Promise<void> {
    const { appId, store, now, recentMs } = this.#options;
    const startedAt = now();
    const since = new Date((this.#listedAt ?? startedAt).getTime() - recentMs);
    const recent = await store.deployments.recent(appId, since);
    const requested = await this.#readRequested(new Set(recent.map(({ id }) => id)));
    const deployments = [...recent, ...requested];
    const ends = await Promise.all(deployments.map((deployment) => this.#readEnd(deployment)));
    // No await from here on: messages that arrived during the reads have updated the previous cache.
    const cache = new Map<string, CachedDeployment>();
    for (const [index, deployment] of deployments.entries()) {
      const end = newerEnd(ends[index] ?? noEnd, this.#cache.get(deployment.id));
      const lastSeq = deployment.logLineCount ?? end.lastSeq;
      const takeovers = takeoversOf(deployment, end.writer);
      cache.set(deployment.id, { ...end, deployment, lastSeq, takeovers, listed: index < recent.length });
    }
    this.#cache = cache;
    this.#listedAt = startedAt;
    for (const follower of this.#followers) follower.wake();
  }

  /** Reads the app's deployments that followers require and that are not listed. */
  async #readRequested(listed: ReadonlySet<string>): Promise<Deployment[]> {
    const ids = new Set<string>();
    for (const follower of this.#followers) {
      for (const id of follower.requiredDeployments) if (!listed.has(id)) ids.add(id);
    }
    const deployments = await Promise.all([...ids].map((id) => this.#readFinished(id)));
    return deployments
      .filter((deployment) => deployment !== null)
      .filter(({ appId }) => appId === this.appId);
  }

  /** Uses the cache for a deployment that can no longer change. */
  async #readFinished(id: string): Promise<Deployment | null> {
    const cached = this.#cache.get(id)?.deployment;
    const immutable = cached !== undefined && isFinal(cached.status) && cached.logLineCount !== null;
    return immutable ? cached : this.#options.store.deployments.get(id);
  }

  /** Reads the number of the deployment's last line from Redis, or from the store when Redis has no log of it. */
  async #readEnd({ id, attempt, status, logLineCount }: Deployment): Promise<LogEnd> {
    if (logLineCount !== null) return { ...noEnd, lastSeq: logLineCount };
    if (attempt === 0 && !isFinal(status)) return noEnd;
    const { bus, store } = this.#options;
    const [lastSeq, owner, startsAfter] = await bus.redis.hmget(
      bus.keys.logHead(id),
      "lastSeq",
      "attempt",
      "startsAfter",
    );
    if (lastSeq == null) return { ...noEnd, lastSeq: await store.logs.lastSeq(id) };
    const writer =
      startsAfter == null ? undefined : { attempt: Number(owner), startsAfter: Number(startsAfter) };
    return { lastSeq: Number(lastSeq), writer };
  }

  #receiveLines(message: LogMessage): void {
    const batch = batchOfMessage(message, countLines(message.text));
    const cached = this.#cache.get(message.deploymentId);
    if (cached === undefined) {
      this.resync();
      return;
    }
    const { attempt, startsAfter } = message;
    const writer = attempt === undefined || startsAfter === undefined ? undefined : { attempt, startsAfter };
    const isNewWriter = writer !== undefined && writer.attempt > (cached.writer?.attempt ?? 0);
    Object.assign(cached, newerEnd({ lastSeq: lastSeqOf(batch), writer }, cached));
    if (isNewWriter) cached.takeovers = takeoversOf(cached.deployment, writer);
    if (this.#stale) {
      // The read for the status failed.
      if (this.#reading === undefined) this.resync();
      return;
    }
    for (const part of splitBatch(batch, maxEventSize)) {
      for (const follower of this.#followers) follower.receiveLines(cached.deployment, part);
    }
  }
}

/** The more recent of two ends of a log. A newer attempt's end may have a lower number. */
function newerEnd(found: LogEnd, known: LogEnd | undefined): LogEnd {
  if (known === undefined) return found;
  const [before, now] = [known.writer?.attempt ?? 0, found.writer?.attempt ?? 0];
  if (now > before && before > 0) return found;
  const lastSeq = Math.max(found.lastSeq, known.lastSeq);
  return { lastSeq, writer: now > before ? found.writer : known.writer };
}
