// For tests: a deployment whose attempts write its log, and a follower that records its events.

import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { poll } from "@slipway/async";
import type { RedisConnection } from "@slipway/bus";
import { changeStatus, claim, queuedDeployment } from "@slipway/core";
import type { Deployment, DeploymentStatus } from "@slipway/core";
import { redisKeys } from "@slipway/protocol";
import { aNewDeployment, testTime } from "@slipway/testkit";
import { deploymentEvents } from "../src/deployment-events.ts";
import { openLogFeed } from "../src/feed.ts";
import type { FollowEvent, Follower, FollowOne, LogFeed } from "../src/feed.ts";
import type { LogLimits } from "../src/limits.ts";
import { openLogWriter } from "../src/writer.ts";
import type { LogWriter } from "../src/writer.ts";
import { MemoryStore } from "./memory-store.ts";

export const keys = redisKeys("test");
const limits = { batchLines: 7, chunkDelayMs: 5, chunkChars: 400, outageMs: 20_000 };

/** One deployment, run as a worker would run it. */
export class Run {
  readonly store = new MemoryStore();
  readonly appId = randomUUID();
  readonly redis: RedisConnection;
  /** Publishes to another channel, as if every message were lost. */
  losesMessages: boolean;
  readonly #limits: Partial<LogLimits>;
  #deployment: Deployment | undefined;
  #log: LogWriter | undefined;

  constructor(
    redis: RedisConnection,
    { losesMessages = false, ...own }: Partial<LogLimits> & { readonly losesMessages?: boolean } = {},
  ) {
    this.redis = redis;
    this.#limits = { ...limits, ...own };
    this.losesMessages = losesMessages;
  }

  get deployment(): Deployment {
    if (this.#deployment === undefined) throw new Error("not created");
    return this.#deployment;
  }

  get log(): LogWriter {
    if (this.#log === undefined) throw new Error("not started");
    return this.#log;
  }

  feed(resyncMs = 60_000, now = () => testTime): LogFeed {
    const { redis, store } = this;
    return openLogFeed({ bus: { redis, keys }, store, now, resyncMs, onError: () => undefined });
  }

  async create(): Promise<void> {
    this.#deployment ??= queuedDeployment(aNewDeployment({ appId: this.appId }), 1);
    this.store.put(this.#deployment);
    await Promise.resolve();
  }

  /** Begins the next attempt. */
  async start(): Promise<void> {
    await this.create();
    const attempt = this.deployment.attempt + 1;
    this.#log = await openLogWriter({
      bus: { redis: this.redis, keys },
      store: this.store,
      appId: this.losesMessages ? "another-app" : this.appId,
      deploymentId: this.deployment.id,
      attempt,
      secrets: [],
      now: () => testTime,
      limits: this.#limits,
    });
    await this.put(claim(this.deployment, attempt, { at: testTime, lineCount: this.log.lastSeq }));
  }

  async change(status: DeploymentStatus): Promise<void> {
    await this.put(changeStatus(this.deployment, status, { at: testTime, lineCount: this.log.lastSeq }));
  }

  async finish(status: DeploymentStatus, from: DeploymentStatus = "building"): Promise<void> {
    const { lineCount, sha256: logSha256 } = await this.log.end();
    const facts = { logLineCount: lineCount, logSha256 };
    const to = from === "pushing" ? "aborted" : status;
    await this.put(changeStatus(this.deployment, to, { at: testTime, lineCount, facts }));
  }

  async put(deployment: Deployment): Promise<void> {
    this.#deployment = this.store.put(deployment);
    if (!this.losesMessages) await deploymentEvents({ redis: this.redis, keys }).statusChanged(deployment);
  }
}

export interface RecordingOptions {
  readonly only?: FollowOne;
  readonly slow?: boolean;
  readonly pause?: (event: FollowEvent) => Promise<void> | undefined;
}

/** A follower that records its events: "new", statuses, lines, rewinds. */
export class RecordingFollower {
  readonly events: string[] = [];
  readonly done = Promise.withResolvers<string>();
  readonly follower: Follower;
  readonly #failures: unknown[] = [];

  constructor(feed: LogFeed, appId: string, { only, slow = false, pause }: RecordingOptions = {}) {
    this.follower = feed.follow(appId, {
      ...(only === undefined ? {} : { only }),
      send: (event) => {
        if (event.type === "log") this.events.push(...event.batch.text.split("\n"));
        else if (event.type === "phase") this.events.push(`${event.phase.name} ${event.phase.state}`);
        else if (event.type === "rewind") this.events.push(`rewind ${event.afterSeq}`);
        else this.events.push(event.type === "new" ? "new" : event.change.status);
        return slow ? delay(2) : pause?.(event);
      },
      onFailure: (error) => this.#failures.push(error),
      onDone: ({ id }) => this.done.resolve(id),
    });
  }

  async until(event: string): Promise<void> {
    await this.#until(() => this.events.includes(event));
  }

  async count(events: number): Promise<void> {
    await this.#until(() => this.events.length >= events);
  }

  /** @throws the error for which the feed closed the follower. */
  async #until(isMet: () => boolean): Promise<void> {
    await poll(
      async () => {
        if (this.#failures.length > 0) throw this.#failures[0];
        return isMet();
      },
      { everyMs: 5 },
    );
  }
}
