// The followers of all apps in one process. Each app has one Redis subscription, regardless of its number of followers.

import { setTimeout as delay } from "node:timers/promises";
import { contain } from "@slipway/async";
import type { DeploymentStore, LogStore } from "@slipway/core";
import type { RedisKeys } from "@slipway/protocol";
import type { Redis } from "ioredis";
import { AppFeed } from "./app-feed.ts";
import { Follower } from "./follower.ts";
import type { FollowerOptions } from "./follower.ts";

export type { FollowEvent, FollowOne, FollowerOptions } from "./follower.ts";
export type { Follower } from "./follower.ts";

export interface LogFeedOptions {
  /** A connection for commands. The feed duplicates it for its subscriptions. */
  readonly redis: Redis;
  readonly keys: RedisKeys;
  readonly store: {
    readonly logs: LogStore;
    readonly deployments: Pick<DeploymentStore, "recent" | "get">;
  };
  readonly now: () => Date;
  /** Between two reads of the store and Redis that make up for lost messages. */
  readonly resyncMs?: number;
  /** Receives errors of operations that will be retried, for the process's log. */
  readonly onError: (error: unknown) => void;
}

/** A new follower receives deployments that ended within this time. */
export const recentMs = 5 * 60 * 1000;
const defaultResyncMs = 5_000;
const startRetryMs = 1_000;

/** Opens the feed; disposing it closes every follower. */
export function openLogFeed(options: LogFeedOptions): LogFeed {
  return new LogFeed(options);
}

export class LogFeed implements AsyncDisposable {
  readonly #options: LogFeedOptions;
  readonly #subscriber: Redis;
  readonly #apps = new Map<string, AppFeed>();
  readonly #channels = new Map<string, AppFeed>();
  readonly #timer: NodeJS.Timeout;

  constructor(options: LogFeedOptions) {
    this.#options = options;
    // Resubscribed in #resubscribe, which has to know when messages arrive again.
    this.#subscriber = options.redis.duplicate({ autoResubscribe: false, maxRetriesPerRequest: null });
    const { onError, resyncMs = defaultResyncMs } = options;
    const receive = (channel: string, message: string) => this.#channels.get(channel)?.receive(message);
    this.#subscriber.on("error", onError);
    this.#subscriber.on("message", contain(receive, onError));
    const resubscribe = () => this.#resubscribe();
    this.#subscriber.on("ready", contain(resubscribe, onError));
    const resync = () => this.#resync();
    this.#timer = setInterval(contain(resync, onError), resyncMs);
  }

  /**
   * Follows an app until the follower is closed. It replays the unfinished and recently finished deployments, oldest first, and
   * continues live; with `only`, it follows a single deployment from the given position. Each line and status is sent once and
   * in order. When Redis or the store is unavailable, the follower waits and then continues where it stopped.
   */
  follow(appId: string, options: FollowerOptions): Follower {
    const app = this.#apps.get(appId) ?? this.#openApp(appId);
    const follower: Follower = new Follower(app, options, () => this.#remove(app, follower));
    app.add(follower);
    this.#start(app, follower).catch(this.#options.onError);
    return follower;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    for (const app of this.#apps.values()) app.closeAll();
    this.#subscriber.disconnect();
    await Promise.resolve();
  }

  /** Subscribes before it reads the deployments, so that no event between the two is lost. Retries until it succeeds. */
  async #start(app: AppFeed, follower: Follower): Promise<void> {
    while (!follower.closed) {
      try {
        await this.#subscriber.subscribe(this.#options.keys.appChannel(app.appId));
        await app.refresh();
        follower.start();
        return;
      } catch (error) {
        this.#options.onError(error);
        await delay(startRetryMs);
      }
    }
  }

  #openApp(appId: string): AppFeed {
    const { redis, keys, store, now, onError } = this.#options;
    const app = new AppFeed({ appId, redis, keys, store, now, onError, recentMs });
    this.#apps.set(appId, app);
    this.#channels.set(keys.appChannel(appId), app);
    return app;
  }

  #remove(app: AppFeed, follower: Follower): void {
    if (!app.remove(follower) || this.#apps.get(app.appId) !== app) return;
    const channel = this.#options.keys.appChannel(app.appId);
    this.#apps.delete(app.appId);
    this.#channels.delete(channel);
    if (this.#subscriber.status !== "ready") return;
    this.#subscriber.unsubscribe(channel).catch(this.#options.onError);
  }

  /** Subscribes again after a reconnection, then reads what the messages lost meanwhile would have contained. */
  async #resubscribe(): Promise<void> {
    const channels = [...this.#channels.keys()];
    if (channels.length === 0) return;
    await this.#subscriber.subscribe(...channels);
    this.#resync();
  }

  #resync(): void {
    for (const app of this.#apps.values()) app.resync();
  }
}
