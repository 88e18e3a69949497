// The followers of all apps in one process. Each app has one Redis subscription, regardless of its number of followers.

import { setTimeout as delay } from "node:timers/promises";
import { contain } from "@slipway/async";
import { appChannel, openSubscriber } from "@slipway/bus";
import type { Bus, Subscriber } from "@slipway/bus";
import type { DeploymentStore, LogStore } from "@slipway/core";
import { AppFeed } from "./app-feed.ts";
import { Follower } from "./follower.ts";
import type { FollowerOptions } from "./follow-event.ts";
import { SharedReads } from "./shared-reads.ts";

export type { FollowEvent, FollowOne, FollowerOptions } from "./follow-event.ts";
export type { Follower } from "./follower.ts";

export interface LogFeedOptions {
  readonly bus: Bus;
  readonly store: {
    readonly logs: LogStore;
    readonly deployments: Pick<DeploymentStore, "recent" | "get">;
  };
  readonly now: () => Date;
  /** Interval of rereading the store and Redis, which compensates for lost messages. */
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
  readonly #subscriber: Subscriber;
  readonly #reads = new SharedReads();
  readonly #apps = new Map<string, AppFeed>();
  readonly #timer: NodeJS.Timeout;

  constructor(options: LogFeedOptions) {
    this.#options = options;
    const { bus, onError, resyncMs = defaultResyncMs } = options;
    const resync = () => this.#resync();
    // After an outage, the store and Redis contain the content of lost messages.
    this.#subscriber = openSubscriber(bus, { onError, onConnected: resync });
    this.#timer = setInterval(contain(resync, onError), resyncMs);
  }

  /**
   * Follows an app until the follower is closed. It replays unfinished and recently finished deployments, oldest first, and
   * continues live; with `only`, it follows a single deployment from the given position. Each line and status is sent once and
   * in order. When Redis or the store is unavailable, the follower waits and later continues from its position.
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
    await this.#subscriber[Symbol.asyncDispose]();
  }

  /** Subscribes before it reads the deployments, so that no event in between is lost. Retries until it succeeds. */
  async #start(app: AppFeed, follower: Follower): Promise<void> {
    while (!follower.closed) {
      try {
        await this.#subscriber.add(appChannel(app.appId), (message) => app.receive(message));
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
    const { bus, store, now, onError } = this.#options;
    const app = new AppFeed({ appId, bus, store, reads: this.#reads, now, onError, recentMs });
    this.#apps.set(appId, app);
    return app;
  }

  #remove(app: AppFeed, follower: Follower): void {
    if (!app.remove(follower) || this.#apps.get(app.appId) !== app) return;
    this.#apps.delete(app.appId);
    this.#subscriber.remove(appChannel(app.appId));
  }

  #resync(): void {
    for (const app of this.#apps.values()) app.resync();
  }
}
