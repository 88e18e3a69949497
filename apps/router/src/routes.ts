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
  readonly #apps: Pick<AppStore, "get" | "byName">;
  readonly #onError: (error: unknown) => void;
  readonly #entries = new Map<string, CacheEntry>();
  /** Replaced rollouts that have requests in flight, by app id. */
  readonly #draining = new Map<string, Set<Traffic>>();
  #reads = 0;

  constructor(apps: Pick<AppStore, "get" | "byName">, onError: (error: unknown) => void) {
    this.#apps = apps;
    this.#onError = onError;
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
