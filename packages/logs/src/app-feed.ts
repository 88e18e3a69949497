// What a process knows about one app's deployments, for all who follow it: read once, heard once, shared.

import { isFinal } from "@slipway/core";
import type { Deployment, DeploymentStore, LogStore } from "@slipway/core";
import { appMessage } from "@slipway/protocol";
import type { LogMessage, RedisKeys } from "@slipway/protocol";
import type { Redis } from "ioredis";
import { sentAtOnce } from "./limits.ts";
import { readLog } from "./read-log.ts";
import { countLines, lastSeqOf, partsOf } from "./tail.ts";
import type { LineBatch } from "./tail.ts";

export interface AppFeedOptions {
  readonly appId: string;
  readonly redis: Redis;
  readonly keys: RedisKeys;
  readonly store: { readonly logs: LogStore; readonly deployments: Pick<DeploymentStore, "recent" | "get"> };
  readonly now: () => Date;
  readonly onError: (error: unknown) => void;
  /** For how long a deployment that ended is kept in mind. */
  readonly recentMs: number;
}

interface Known {
  readonly deployment: Deployment;
  /** Number of the last line that is known to exist. */
  lastSeq: number;
  /** Ended long ago: known for those only who asked for it by its id, or have not been told all of it. */
  readonly old: boolean;
}

/** A follower as its feed calls it. */
export interface FeedFollower {
  /** Ids of the deployments it has not received in full. */
  readonly needs: Iterable<string>;
  /** Sends what is new since the last call. */
  wake(): void;
  /** Receives a live batch. */
  hear(deployment: Deployment, batch: LineBatch): void;
  close(): void;
}

export class AppFeed {
  readonly #options: AppFeedOptions;
  readonly #followers = new Set<FeedFollower>();
  /** In the order of their numbers. */
  #known = new Map<string, Known>();
  #listedAt: Date | undefined;
  #reading: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  /** A message told of a status that is not read yet. Lines that come after it wait until it is. */
  #behind = false;

  constructor(options: AppFeedOptions) {
    this.#options = options;
  }

  get appId(): string {
    return this.#options.appId;
  }

  /** Ids of the unfinished and the just finished deployments, oldest first. */
  listed(): Iterable<string> {
    return this.#known
      .entries()
      .filter(([, { old }]) => !old)
      .map(([id]) => id);
  }

  isListed(deploymentId: string): boolean {
    return this.#known.get(deploymentId)?.old === false;
  }

  deployment(deploymentId: string): Deployment | undefined {
    return this.#known.get(deploymentId)?.deployment;
  }

  now(): Date {
    return this.#options.now();
  }

  /** Number of the last line that is known to exist. */
  lastSeq(deploymentId: string): number {
    return this.#known.get(deploymentId)?.lastSeq ?? 0;
  }

  /** The deployment's lines that are known to exist, from `fromSeq` on; perhaps some more. */
  async *read(deploymentId: string, fromSeq: number): AsyncGenerator<LineBatch, void> {
    const { redis, keys, store } = this.#options;
    const untilSeq = this.lastSeq(deploymentId);
    const kept = readLog({ redis, keys, logs: store.logs, deploymentId, fromSeq, untilSeq });
    for await (const batch of kept) yield* partsOf(batch, sentAtOnce);
  }

  add(follower: FeedFollower): void {
    this.#followers.add(follower);
  }

  /** @returns whether it was the last one. */
  remove(follower: FeedFollower): boolean {
    return this.#followers.delete(follower) && this.#followers.size === 0;
  }

  closeAll(): void {
    for (const follower of this.#followers) follower.close();
  }

  reportError(error: unknown): void {
    this.#options.onError(error);
  }

  /** A message of the app's channel. */
  receive(json: string): void {
    const parsed = appMessage.safeParse(parseJson(json));
    if (!parsed.success) this.reportError(parsed.error);
    else if (parsed.data.type === "log") this.#heard(parsed.data);
    else {
      this.#behind = true;
      this.resync();
    }
  }

  /** Looks for what messages did not tell, or told too early, and wakes the followers. */
  resync(): void {
    this.refresh().catch((error: unknown) => this.reportError(error));
  }

  /** Reads the deployments again, beginning after the call: calls that come while one is read share the next reading. */
  refresh(): Promise<void> {
    if (this.#reading === undefined) return this.#startReading();
    this.#next ??= this.#reading.then(
      () => this.#startReading(),
      () => this.#startReading(),
    );
    return this.#next;
  }

  #startReading(): Promise<void> {
    this.#next = undefined;
    this.#reading = this.#read().finally(() => {
      this.#reading = undefined;
      this.#behind = this.#next !== undefined;
    });
    return this.#reading;
  }

  async #read(): Promise<void> {
    const { appId, store, now, recentMs } = this.#options;
    const startedAt = now();
    const since = new Date((this.#listedAt ?? startedAt).getTime() - recentMs);
    const recent = await store.deployments.recent(appId, since);
    const old = await this.#askedFor(new Set(recent.map(({ id }) => id)));
    const deployments = [...recent, ...old];
    const lastSeqs = await Promise.all(deployments.map((deployment) => this.#lastWritten(deployment)));
    // nothing is awaited from here on: what was heard meanwhile counts
    const known = new Map<string, Known>();
    for (const [index, deployment] of deployments.entries()) {
      const before = this.#known.get(deployment.id);
      known.set(deployment.id, {
        deployment,
        lastSeq: Math.max(lastSeqs[index] ?? 0, before?.lastSeq ?? 0),
        old: index >= recent.length,
      });
    }
    this.#known = known;
    this.#listedAt = startedAt;
    for (const follower of this.#followers) follower.wake();
  }

  /** Deployments of the app that followers wait for more of, besides those that are listed. */
  async #askedFor(listed: ReadonlySet<string>): Promise<Deployment[]> {
    const ids = new Set<string>();
    for (const follower of this.#followers) {
      for (const id of follower.needs) if (!listed.has(id)) ids.add(id);
    }
    const found = await Promise.all([...ids].map((id) => this.#finished(id)));
    return found.filter((deployment) => deployment !== null).filter(({ appId }) => appId === this.appId);
  }

  /** One that is over and was read before is not read again. */
  async #finished(id: string): Promise<Deployment | null> {
    const known = this.#known.get(id)?.deployment;
    const over = known !== undefined && isFinal(known.status) && known.logLineCount !== null;
    return over ? known : this.#options.store.deployments.get(id);
  }

  /** Number of the deployment's last line, as Redis or the store has it. */
  async #lastWritten(deployment: Deployment): Promise<number> {
    if (deployment.logLineCount !== null) return deployment.logLineCount;
    const noLogYet = deployment.attempt === 0 && !isFinal(deployment.status);
    if (noLogYet) return 0;
    const { redis, keys, store } = this.#options;
    const head = await redis.hget(keys.logHead(deployment.id), "lastSeq");
    return head === null ? store.logs.lastSeq(deployment.id) : Number(head);
  }

  #heard({ deploymentId, firstSeq, text }: LogMessage): void {
    const batch: LineBatch = { firstSeq, lineCount: countLines(text), text };
    const known = this.#known.get(deploymentId);
    if (known === undefined) {
      this.resync();
      return;
    }
    known.lastSeq = Math.max(known.lastSeq, lastSeqOf(batch));
    if (this.#behind) return;
    for (const part of partsOf(batch, sentAtOnce)) {
      for (const follower of this.#followers) follower.hear(known.deployment, part);
    }
  }
}

/** @returns undefined for what is no JSON. */
function parseJson(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
