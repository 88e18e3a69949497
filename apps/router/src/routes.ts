// Where requests for an app go: read from the store when asked for, kept for a while, read again when told of a change.

import { endsWithin } from "@slipway/async";
import { SlipwayError } from "@slipway/core";
import type { App, AppStore } from "@slipway/core";
import { Traffic } from "./traffic.ts";

/** How old what is known of an app may be when a request comes. */
const freshMs = 2_000;
/** How long a request waits for the store before it goes where the app was last. */
const readBoundMs = 1_000;
/** Names that nobody has are kept too, and strangers choose them. */
const maxRoutes = 10_000;

/** What is known of a host name. */
export interface Route {
  readonly app: App | null;
  /** Null when nothing was ever put in service. */
  readonly traffic: Traffic | null;
}

interface Entry {
  readonly name: string;
  app: App | null;
  traffic: Traffic | null;
  known: boolean;
  /** Good until then, in milliseconds of this process's clock. */
  freshUntil: number;
  /** Of the read it was taken from: reads that began later win. */
  ticket: number;
  reading: Promise<void> | null;
}

export class Routes implements Disposable {
  readonly #apps: Pick<AppStore, "get" | "byName">;
  readonly #onError: (error: unknown) => void;
  readonly #entries = new Map<string, Entry>();
  /** Rollouts that were replaced and still have requests on their way, by app. */
  readonly #leaving = new Map<string, Set<Traffic>>();
  #tickets = 0;

  constructor(apps: Pick<AppStore, "get" | "byName">, onError: (error: unknown) => void) {
    this.#apps = apps;
    this.#onError = onError;
  }

  /**
   * Without a store it is what was known last.
   * @throws {SlipwayError} "store-unavailable" when nothing is known.
   */
  async find(name: string): Promise<Route> {
    const entry = this.#entryOf(name);
    if (performance.now() >= entry.freshUntil) await this.#read(entry);
    if (!entry.known) throw new SlipwayError("store-unavailable", "where the app runs is not known");
    return entry;
  }

  /** The same, from the store. */
  async findAgain(name: string): Promise<Route> {
    this.#entryOf(name).freshUntil = 0;
    return this.find(name);
  }

  /**
   * Looks at an app that is said to have changed. From then on requests go where the store says.
   * @returns its current rollout.
   * @throws {SlipwayError} "store-unavailable"
   */
  async changed(appId: string): Promise<string | null> {
    const ticket = this.#nextTicket();
    const app = await this.#apps.get(appId);
    if (app === null) return null;
    const entry = this.#entryOf(app.name);
    if (app.deletedAt === null) this.#take(entry, app, ticket);
    else if (entry.app?.id === appId) this.#take(entry, null, ticket);
    return entry.traffic?.rolloutId ?? null;
  }

  /** Resolves when no request is on its way to any other rollout of the app; what takes longer than `drainMs` is cut off. */
  async onlyOn(appId: string, rolloutId: string, drainMs: number): Promise<void> {
    const others = [...(this.#leaving.get(appId) ?? [])].filter((traffic) => traffic.rolloutId !== rolloutId);
    await Promise.all(others.map((traffic) => traffic.drain(drainMs)));
  }

  /** Messages may have been missed: whatever is asked for next is read again. */
  distrust(): void {
    for (const entry of this.#entries.values()) entry.freshUntil = 0;
  }

  /** Cuts off whatever is on its way. */
  [Symbol.dispose](): void {
    const current = this.#entries.values().map(({ traffic }) => traffic);
    const former = this.#leaving.values().flatMap((traffics) => traffics);
    for (const traffic of [...current, ...former]) {
      traffic?.cut();
      traffic?.[Symbol.dispose]();
    }
  }

  #nextTicket(): number {
    this.#tickets += 1;
    return this.#tickets;
  }

  #entryOf(name: string): Entry {
    const found = this.#entries.get(name);
    if (found !== undefined) return found;
    if (this.#entries.size >= maxRoutes) this.#forgetOne();
    const entry = { name, app: null, traffic: null, known: false, freshUntil: 0, ticket: 0, reading: null };
    this.#entries.set(name, entry);
    return entry;
  }

  #forgetOne(): void {
    for (const [name, { traffic, reading }] of this.#entries) {
      if (reading !== null || traffic?.isIdle === false) continue;
      traffic?.[Symbol.dispose]();
      this.#entries.delete(name);
      return;
    }
  }

  /** All who ask at once share one read. Never rejects: what is known stays. */
  async #read(entry: Entry): Promise<void> {
    const ticket = this.#nextTicket();
    entry.reading ??= this.#apps
      .byName(entry.name)
      .then((app) => this.#take(entry, app, ticket))
      .catch((error: unknown) => {
        entry.freshUntil = performance.now() + freshMs;
        this.#onError(error);
      })
      .finally(() => {
        entry.reading = null;
      });
    if (!(await endsWithin(entry.reading, readBoundMs))) entry.freshUntil = performance.now() + freshMs;
  }

  #take(entry: Entry, app: App | null, ticket: number): void {
    if (ticket < entry.ticket) return;
    const rolloutId = app?.currentRolloutId ?? null;
    if (entry.traffic?.rolloutId !== (rolloutId ?? undefined)) {
      if (entry.traffic !== null) this.#retire(entry.traffic);
      entry.traffic = app === null || rolloutId === null ? null : new Traffic(app.id, rolloutId);
    }
    if (entry.traffic !== null) entry.traffic.targets = app?.targets ?? [];
    Object.assign(entry, { app, ticket, known: true, freshUntil: performance.now() + freshMs });
  }

  /** Nothing new goes there; what is on its way ends in its own time, unless somebody waits for it. */
  #retire(traffic: Traffic): void {
    const leaving = this.#leaving.get(traffic.appId) ?? new Set();
    this.#leaving.set(traffic.appId, leaving.add(traffic));
    this.#forgetOnceIdle(traffic, leaving).catch(this.#onError);
  }

  async #forgetOnceIdle(traffic: Traffic, leaving: Set<Traffic>): Promise<void> {
    await traffic.ended();
    traffic[Symbol.dispose]();
    leaving.delete(traffic);
    if (leaving.size === 0 && this.#leaving.get(traffic.appId) === leaving)
      this.#leaving.delete(traffic.appId);
  }
}
