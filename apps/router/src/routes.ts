// Caches the routes of apps. Reads the store on demand, when an entry has expired, and after change messages.

import { endsWithin } from "@slipway/async";
import { SlipwayError } from "@slipway/core";
import type { App, AppStore } from "@slipway/core";
import { Traffic } from "./traffic.ts";

/** How long a route is served without reading the store. */
const freshMs = 2_000;
/** How long a request waits for the store before it uses the cached route. */
const readTimeoutMs = 1_000;
/** Names of apps that do not exist are cached too, and clients choose them: the cache has to be bounded. */
const maxRoutes = 10_000;

/** The route of a host name. */
export interface Route {
  /** Null when the app does not exist. */
  readonly app: App | null;
  /** Null when the app has never had a rollout. */
  readonly traffic: Traffic | null;
}

/** Receives the changes of cached routes, synchronously. */
export interface RouteFollower {
  /** The route was read from the store, and may have changed. */
  updated(name: string): void;
  /** The route is no longer cached. */
  removed(name: string): void;
  /** All routes may be out of date. */
  expired(): void;
}

interface CacheEntry {
  readonly name: string;
  app: App | null;
  traffic: Traffic | null;
  /** Whether the entry was ever read from the store. */
  loaded: boolean;
  /** In milliseconds of `performance.now()`. */
  freshUntil: number;
  /** Sequence number of the read that the entry results from. The result of an earlier read does not overwrite the entry. */
  readNumber: number;
  reading: Promise<void> | null;
}

export class Routes implements Disposable {
  readonly #apps: Pick<AppStore, "get" | "byName" | "many">;
  readonly #onError: (error: unknown) => void;
  readonly #entries = new Map<string, CacheEntry>();
  /** Replaced rollouts that have requests in flight, by app id. */
  readonly #draining = new Map<string, Set<Traffic>>();
  #reads = 0;
  #follower: RouteFollower | null = null;

  constructor(apps: Pick<AppStore, "get" | "byName" | "many">, onError: (error: unknown) => void) {
    this.#apps = apps;
    this.#onError = onError;
  }

  /** Reports changes to the follower from now on. */
  follow(follower: RouteFollower): void {
    this.#follower = follower;
  }

  /** @returns the cached route, without reading the store; null if the name is not cached. */
  cached(name: string): Route | null {
    const entry = this.#entries.get(name);
    return entry?.loaded === true ? entry : null;
  }

  /** Reads cached routes again, as one request for each of them would, but at once. */
  async refreshCached(names: readonly string[]): Promise<void> {
    const entries = names.map((name) => this.#entryOf(name));
    const readNumber = this.#nextReadNumber();
    const found = await this.#apps.many(entries.flatMap(({ app }) => (app === null ? [] : [app.id])));
    const byId = new Map(found.map((app) => [app.id, app]));
    for (const entry of entries) {
      const app = byId.get(entry.app?.id ?? "");
      if (app !== undefined && app.deletedAt === null && app.name === entry.name)
        this.#update(entry, app, readNumber);
      else {
        this.#update(entry, null, readNumber);
        // Another app may have the name.
        entry.freshUntil = 0;
      }
    }
  }

  /**
   * Returns the route of an app, which may be out of date while the store is unavailable.
   * @throws {SlipwayError} "store-unavailable" when the route is not cached either.
   */
  async find(name: string): Promise<Route> {
    const entry = this.#entryOf(name);
    if (performance.now() >= entry.freshUntil) await this.#read(entry);
    if (!entry.loaded)
      throw new SlipwayError("store-unavailable", "cannot read the app's route from the store");
    return entry;
  }

  /** Like `find`, but reads the store even when the cached entry is fresh. */
  async findFresh(name: string): Promise<Route> {
    this.#entryOf(name).freshUntil = 0;
    return this.find(name);
  }

  /**
   * Reads a changed app from the store. Later requests use the result.
   * @returns the id of its current rollout.
   * @throws {SlipwayError} "store-unavailable"
   */
  async refreshApp(appId: string): Promise<string | null> {
    const readNumber = this.#nextReadNumber();
    const app = await this.#apps.get(appId);
    if (app === null) return null;
    const entry = this.#entryOf(app.name);
    if (app.deletedAt === null) this.#update(entry, app, readNumber);
    else if (entry.app?.id === appId) this.#update(entry, null, readNumber);
    return entry.traffic?.rolloutId ?? null;
  }

  /** Resolves when no other rollout of the app has requests in flight. Aborts requests for which the app takes longer than `drainMs`. */
  async drainOthers(appId: string, rolloutId: string, drainMs: number): Promise<void> {
    const others = [...(this.#draining.get(appId) ?? [])].filter(
      (traffic) => traffic.rolloutId !== rolloutId,
    );
    await Promise.all(others.map((traffic) => traffic.drain(drainMs)));
  }

  /** Expires all entries, because messages may have been lost. */
  expireAll(): void {
    for (const entry of this.#entries.values()) entry.freshUntil = 0;
    this.#follower?.expired();
  }

  /** Aborts all requests in flight. */
  [Symbol.dispose](): void {
    const current = this.#entries.values().map(({ traffic }) => traffic);
    const replaced = this.#draining.values().flatMap((traffics) => traffics);
    for (const traffic of [...current, ...replaced]) {
      traffic?.abort();
      traffic?.[Symbol.dispose]();
    }
  }

  #nextReadNumber(): number {
    this.#reads += 1;
    return this.#reads;
  }

  #entryOf(name: string): CacheEntry {
    const cached = this.#entries.get(name);
    if (cached !== undefined) {
      // The map is ordered by last use.
      this.#entries.delete(name);
      this.#entries.set(name, cached);
      return cached;
    }
    if (this.#entries.size >= maxRoutes) this.#evictLeastRecentIdle();
    const entry: CacheEntry = {
      name,
      app: null,
      traffic: null,
      loaded: false,
      freshUntil: 0,
      readNumber: 0,
      reading: null,
    };
    this.#entries.set(name, entry);
    return entry;
  }

  #evictLeastRecentIdle(): void {
    for (const [name, { traffic, reading }] of this.#entries) {
      if (reading !== null || traffic?.isIdle === false) continue;
      traffic?.[Symbol.dispose]();
      this.#entries.delete(name);
      this.#follower?.removed(name);
      return;
    }
  }

  /** Concurrent calls share one read. Never rejects: after a failure the entry is unchanged. */
  async #read(entry: CacheEntry): Promise<void> {
    const readNumber = this.#nextReadNumber();
    entry.reading ??= this.#apps
      .byName(entry.name)
      .then((app) => this.#update(entry, app, readNumber))
      .catch((error: unknown) => {
        entry.freshUntil = performance.now() + freshMs;
        this.#onError(error);
      })
      .finally(() => {
        entry.reading = null;
      });
    if (!(await endsWithin(entry.reading, readTimeoutMs))) entry.freshUntil = performance.now() + freshMs;
  }

  #update(entry: CacheEntry, app: App | null, readNumber: number): void {
    if (readNumber < entry.readNumber) return;
    const rolloutId = app?.currentRolloutId ?? null;
    if (entry.traffic?.rolloutId !== (rolloutId ?? undefined)) {
      if (entry.traffic !== null) this.#retire(entry.traffic);
      entry.traffic = app === null || rolloutId === null ? null : new Traffic(app.id, rolloutId);
    }
    if (entry.traffic !== null) entry.traffic.targets = app?.targets ?? [];
    Object.assign(entry, { app, readNumber, loaded: true, freshUntil: performance.now() + freshMs });
    this.#follower?.updated(entry.name);
  }

  /** Keeps a replaced rollout until its requests have ended. Only `drainOthers` limits their time. */
  #retire(traffic: Traffic): void {
    const draining = this.#draining.get(traffic.appId) ?? new Set();
    this.#draining.set(traffic.appId, draining.add(traffic));
    this.#removeWhenIdle(traffic, draining).catch(this.#onError);
  }

  async #removeWhenIdle(traffic: Traffic, draining: Set<Traffic>): Promise<void> {
    await traffic.idle();
    traffic[Symbol.dispose]();
    draining.delete(traffic);
    if (draining.size === 0 && this.#draining.get(traffic.appId) === draining)
      this.#draining.delete(traffic.appId);
  }
}
