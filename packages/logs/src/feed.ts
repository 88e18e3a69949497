// The followers of all apps in one process: one subscription per app, whatever the number of its followers.

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
  /** A connection for commands. The feed opens a second one, like it, for its subscriptions. */
  readonly redis: Redis;
  readonly keys: RedisKeys;
  readonly store: {
    readonly logs: LogStore;
    readonly deployments: Pick<DeploymentStore, "recent" | "get">;
  };
  readonly now: () => Date;
  /** How often the store and Redis are asked for what a lost message would have told. */
  readonly resyncMs?: number;
  /** Something failed that will be tried again; for the process's own log. */
  readonly onError: (error: unknown) => void;
}

/** Followers see every deployment that ended within this time before they came. */
export const recentMs = 5 * 60 * 1000;
const defaultResyncMs = 5_000;
const beginAgainMs = 1_000;

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
    // Subscribed to by hand after each reconnection: only then is it known when messages come again.
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
   * Follows an app from now on: first all that its unfinished and just finished deployments have said so far, oldest first,
   * then on live, until the follower is closed; or, with `only`, one deployment of the app from where it says. Every line and
   * status comes once and in its order. While Redis or the store is away it waits, and goes on where it was.
   */
  follow(appId: string, options: FollowerOptions): Follower {
    const app = this.#apps.get(appId) ?? this.#openApp(appId);
    const follower: Follower = new Follower(app, options, () => this.#leave(app, follower));
    app.add(follower);
    this.#begin(app, follower).catch(this.#options.onError);
    return follower;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    for (const app of this.#apps.values()) app.closeAll();
    this.#subscriber.disconnect();
    await Promise.resolve();
  }

  /** What the follower is told first is read after messages come: nothing falls between. */
  async #begin(app: AppFeed, follower: Follower): Promise<void> {
    while (!follower.closed) {
      try {
        await this.#subscriber.subscribe(this.#options.keys.appChannel(app.appId));
        await app.refresh();
        follower.start();
        return;
      } catch (error) {
        this.#options.onError(error);
        await delay(beginAgainMs);
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

  #leave(app: AppFeed, follower: Follower): void {
    if (!app.remove(follower) || this.#apps.get(app.appId) !== app) return;
    const channel = this.#options.keys.appChannel(app.appId);
    this.#apps.delete(app.appId);
    this.#channels.delete(channel);
    if (this.#subscriber.status !== "ready") return;
    this.#subscriber.unsubscribe(channel).catch(this.#options.onError);
  }

  /** Messages were lost while the connection was away: subscribes, and only then asks for what they said. */
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
