// The routes by which HAProxy sends requests to apps without the router: copies of the router's cached routes.

import { isIP } from "node:net";
import { elapsed, endsWithin } from "@slipway/async";
import type { Address } from "@slipway/core";
import { routerTiming } from "@slipway/protocol";
import type { Route, RouteFollower, Routes } from "../routes.ts";
import type { Commands } from "./commands.ts";
import { haproxyFiles, idleMs, leaseKey, maxRolloutIdLength, separator } from "./configuration.ts";
import { endSessions, requestsInFlight, rolloutsInUse } from "./sessions.ts";

export interface FastRoutesOptions {
  readonly commands: Pick<Commands, "ask" | "change">;
  /** HAProxy's folder. */
  readonly folder: string;
  readonly routes: Pick<Routes, "cached" | "refreshCached">;
  readonly domain: string;
  readonly onError: (error: unknown) => void;
}

/** A route as HAProxy has it. */
interface PublishedRoute {
  /** Part of the targets' keys, so that a change of the targets takes effect at once. */
  readonly generation: string;
  readonly rolloutId: string;
  readonly targets: readonly Address[];
  /** In milliseconds of `performance.now()`. */
  readonly publishedAt: number;
}

/** A rollout that may have requests in flight. */
interface KnownRollout {
  readonly appId: string;
  /** Addresses of its instances, as HAProxy writes them. */
  readonly addresses: Set<string>;
}

/** Routes are read again this often, and the lease is renewed. */
const refreshMs = 1_000;
/**
 * HAProxy uses its routes for at most this long after the last renewal, because the router may have been frozen. It is as long as workers
 * wait for a router without heartbeats before they stop instances.
 */
const leaseSeconds = Math.floor(routerTiming.aliveMs / 1_000);
/** How long HAProxy's routes wait for the store. A request waits as long. */
const readTimeoutMs = 1_000;
/** The shortest and the longest pause between two looks at the requests in flight. */
const shortestPollMs = 5;
const longestPollMs = 100;
const safeId = new RegExp(String.raw`^[\w-]{1,${maxRolloutIdLength}}$`);

/**
 * Keeps HAProxy's maps in line with the router's routes. A route gets into the maps after a plain request for it reached the router, and is
 * removed when it has no requests. Every change of the router's route is copied at once. Commands are executed one after the other.
 */
export class FastRoutes implements RouteFollower, AsyncDisposable {
  readonly #options: FastRoutesOptions;
  readonly #files: ReturnType<typeof haproxyFiles>;
  /** Names of apps whose routes HAProxy should have. */
  readonly #wanted = new Set<string>();
  readonly #published = new Map<string, PublishedRoute>();
  readonly #rollouts = new Map<string, KnownRollout>();
  readonly #ending = new AbortController();
  readonly #renewing: Promise<void>;
  #lastCommand: Promise<void> = Promise.resolve();
  #generations = 0;
  /** Whether the maps may contain something that is not in `#published`, because a command failed. */
  #isDirty = false;

  constructor(options: FastRoutesOptions) {
    this.#options = options;
    this.#files = haproxyFiles(options.folder);
    this.#renewing = this.#renewRegularly();
  }

  /** Called after a request for the app that HAProxy could have sent. */
  offer(name: string): void {
    if (this.#wanted.has(name)) return;
    this.#wanted.add(name);
    this.#apply(name);
  }

  /** Whether HAProxy has the app's route. */
  has(name: string): boolean {
    return this.#published.has(name);
  }

  updated(name: string): void {
    if (this.#wanted.has(name)) this.#apply(name);
  }

  removed(name: string): void {
    if (this.#wanted.delete(name)) this.#apply(name);
  }

  expired(): void {
    if (this.#wanted.size === 0) return;
    this.#wanted.clear();
    // The failure has been reported.
    this.#enqueue(() => this.#clear()).catch(() => undefined);
  }

  /**
   * Resolves when HAProxy has all changes that were made before, and no other rollout of the app has requests in flight in HAProxy. Ends
   * those that take longer than `drainMs`: HAProxy passes them to the router, unless their responses have begun.
   * @throws Error if HAProxy does not execute a command.
   */
  async drainOthers(appId: string, rolloutId: string, drainMs: number): Promise<void> {
    await this.#enqueue(async () => undefined);
    const others = [...this.#rollouts].filter(([id, known]) => known.appId === appId && id !== rolloutId);
    await Promise.all(others.map(([id, known]) => this.#drain(id, known, drainMs)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort();
    await this.#renewing;
    await this.#lastCommand;
  }

  /**
   * Runs the work after all earlier work. After a failure the maps are emptied before anything else: then all requests reach the router.
   * @throws the work's error, which has been reported.
   */
  async #enqueue(work: () => Promise<void>): Promise<void> {
    const result = this.#after(this.#lastCommand, work);
    this.#lastCommand = result.catch((error: unknown) => {
      this.#options.onError(error);
      this.#wanted.clear();
      this.#isDirty = true;
    });
    await result;
  }

  async #after(before: Promise<void>, work: () => Promise<void>): Promise<void> {
    await before;
    if (this.#ending.signal.aborted) return;
    if (this.#isDirty) await this.#clear();
    await work();
  }

  /** Brings HAProxy's copy of the route in line with the router's route at the time of the commands. */
  #apply(name: string): void {
    this.#enqueue(() => this.#publish(name)).catch(() => undefined);
  }

  async #publish(name: string): Promise<void> {
    const route = this.#wanted.has(name) ? publishable(this.#options.routes.cached(name)) : null;
    const published = this.#published.get(name);
    if (route === null) this.#wanted.delete(name);
    if (route?.rolloutId === published?.rolloutId && sameTargets(route?.targets, published?.targets)) return;
    const { commands, domain } = this.#options;
    const host = `${name}.${domain}`;
    const changes: string[] = [];
    const isFirst = this.#published.size === 0;
    if (route === null) {
      changes.push(`del map ${this.#files.routes} ${host}`);
      this.#published.delete(name);
    } else {
      this.#generations += 1;
      const generation = String(this.#generations);
      for (const [index, { host: address, port }] of route.targets.entries())
        changes.push(`add map ${this.#files.targets} ${generation}/${index} ${address}${separator}${port}`);
      const value = [generation, route.targets.length, route.rolloutId].join(separator);
      const verb = published === undefined ? "add" : "set";
      changes.push(`${verb} map ${this.#files.routes} ${host} ${value}`);
      this.#published.set(name, {
        generation,
        rolloutId: route.rolloutId,
        targets: route.targets,
        publishedAt: performance.now(),
      });
      this.#know(route);
    }
    for (const index of published?.targets.keys() ?? [])
      changes.push(`del map ${this.#files.targets} ${published?.generation}/${index}`);
    // Only then, since the other routes may be out of date if the router was frozen.
    if (isFirst) changes.push(this.#renewal());
    await commands.change(changes);
  }

  #know({ appId, rolloutId, targets }: PublishableRoute): void {
    const known = this.#rollouts.get(rolloutId) ?? { appId, addresses: new Set() };
    for (const { host, port } of targets) known.addresses.add(`${host}:${port}`);
    this.#rollouts.set(rolloutId, known);
  }

  async #clear(): Promise<void> {
    this.#published.clear();
    this.#isDirty = true;
    await this.#options.commands.change([
      `clear map ${this.#files.routes}`,
      `clear map ${this.#files.targets}`,
    ]);
    this.#isDirty = false;
  }

  #renewal(): string {
    const until = Math.floor(Date.now() / 1_000) + leaseSeconds;
    return `set map ${this.#files.lease} ${leaseKey} ${until}`;
  }

  async #renewRegularly(): Promise<void> {
    while (await elapsed(refreshMs, this.#ending.signal)) {
      if (this.#rollouts.size === 0 && !this.#isDirty) continue;
      await this.#refresh();
      await this.#enqueue(() => this.#renew()).catch(() => undefined);
    }
  }

  /** While the store is unavailable, HAProxy uses the last known routes, as the router does. */
  async #refresh(): Promise<void> {
    const { routes, onError } = this.#options;
    await endsWithin(routes.refreshCached([...this.#wanted]).catch(onError), readTimeoutMs);
  }

  /** Renews the lease, and removes the routes of apps that had no requests lately. */
  async #renew(): Promise<void> {
    const { commands } = this.#options;
    if (this.#published.size > 0) await commands.change([this.#renewal()]);
    const inUse = await rolloutsInUse(commands);
    const idleSince = performance.now() - idleMs;
    for (const [name, { rolloutId, publishedAt }] of this.#published) {
      if (publishedAt > idleSince || inUse.has(rolloutId)) continue;
      this.#wanted.delete(name);
      this.#apply(name);
    }
    const current = new Set(this.#published.values().map(({ rolloutId }) => rolloutId));
    for (const id of this.#rollouts.keys()) if (!current.has(id) && !inUse.has(id)) this.#rollouts.delete(id);
  }

  async #drain(rolloutId: string, { addresses }: KnownRollout, drainMs: number): Promise<void> {
    const { commands } = this.#options;
    const { signal } = this.#ending;
    const endAt = performance.now() + drainMs;
    for (let pauseMs = shortestPollMs; ; pauseMs = Math.min(longestPollMs, 2 * pauseMs)) {
      if ((await requestsInFlight(commands, rolloutId)) === 0) return;
      const leftMs = endAt - performance.now();
      if (leftMs <= 0) break;
      // HAProxy is ended with the router, and its requests with it.
      if (!(await elapsed(Math.min(pauseMs, leftMs), signal))) return;
    }
    const inUse = new Set(
      this.#published.values().flatMap(({ targets }) => targets.map(({ host, port }) => `${host}:${port}`)),
    );
    await endSessions(commands, addresses.difference(inUse));
  }
}

interface PublishableRoute {
  readonly appId: string;
  readonly rolloutId: string;
  readonly targets: readonly Address[];
}

/** @returns null for a route that HAProxy cannot use: the router answers its requests. */
function publishable(route: Route | null): PublishableRoute | null {
  const traffic = route?.traffic;
  if (route === null || route.app === null || traffic === null || traffic === undefined) return null;
  const { appId, rolloutId, targets } = traffic;
  // HAProxy would connect to itself if the host were not an address.
  const isUsable = targets.length > 0 && targets.every(({ host }) => isIP(host) !== 0);
  return isUsable && safeId.test(rolloutId) ? { appId, rolloutId, targets } : null;
}

function sameTargets(one: readonly Address[] = [], other: readonly Address[] = []): boolean {
  return (
    one.length === other.length &&
    one.every(({ host, port }, index) => host === other[index]?.host && port === other[index].port)
  );
}
