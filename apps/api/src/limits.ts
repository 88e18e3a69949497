// How often one may ask: per API token, per user, per address, and how often somebody may fail to sign in. Counted in Redis,
// for all API processes together; while Redis is away each process counts for itself, so that nobody is refused because of it.

import { createHash } from "node:crypto";
import type { Redis } from "ioredis";
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from "rate-limiter-flexible";

export interface LimitsOptions {
  /** A connection that answers soon or not at all: each request waits for it. */
  readonly redis: Redis;
  readonly keyPrefix: string;
  /** Requests with one API token in a minute, but polls; five times as many of one user. As with the others, 0 is without limit. */
  readonly tokenPerMinute: number;
  /** The same for what clients ask for again and again. */
  readonly pollsPerMinute: number;
  /** Requests of one address in a minute that no valid bearer came with. */
  readonly addressPerMinute: number;
  /** Failed logins by password of one address in a quarter of an hour; five times as many for one user, from anywhere. */
  readonly loginAttempts: number;
  /** Told when Redis cannot count. */
  readonly onError: (error: unknown) => void;
}

/** What became of one request. Times are in whole seconds, rounded up. */
export interface Verdict {
  readonly allowed: boolean;
  readonly limit: number;
  readonly remaining: number;
  readonly resetSeconds: number;
  readonly windowSeconds: number;
}

/** Counts one more under a key. Null where there is no limit. */
export type Limiter = (key: string) => Promise<Verdict | null>;

export interface Limits {
  readonly requests: BearerLimits;
  readonly polls: BearerLimits;
  readonly address: Limiter;
  /** By address. */
  readonly logins: Logins;
  /** By user, or by a name that is nobody's. */
  readonly accounts: Logins;
}

/** A token that runs wild leaves room for its user's others. */
export interface BearerLimits {
  readonly token: Limiter;
  /** All tokens of a user together. */
  readonly user: Limiter;
}

/** Failed logins. */
interface Logins {
  count: Limiter;
  /** Takes one back: the attempt was no failure. */
  forgive(key: string): Promise<void>;
}

const minute = 60;
const loginWindow = 15 * minute;
const tokensWorth = 5;
/** Somebody who guesses from many addresses is stopped; one who only wants to lock a user out needs some of them. */
const addressesWorth = 5;

export function openLimits(options: LimitsOptions): Limits {
  const counter = (name: string, points: number, windowSeconds: number) =>
    new Counter(options, name, points, windowSeconds);
  const counting = (name: string, perMinute: number): Limiter => {
    const requests = counter(name, perMinute, minute);
    return (key) => requests.count(key);
  };
  const byBearer = (name: string, perMinute: number): BearerLimits => ({
    token: counting(`${name}:token`, perMinute),
    user: counting(`${name}:user`, perMinute * tokensWorth),
  });
  return {
    requests: byBearer("requests", options.tokenPerMinute),
    polls: byBearer("polls", options.pollsPerMinute),
    address: counting("address", options.addressPerMinute),
    logins: counter("logins", options.loginAttempts, loginWindow),
    accounts: counter("accounts", options.loginAttempts * addressesWorth, loginWindow),
  };
}

class Counter implements Logins {
  readonly #points: number;
  readonly #windowSeconds: number;
  readonly #shared: RateLimiterRedis;
  readonly #own: RateLimiterMemory;
  readonly #onError: (error: unknown) => void;

  constructor({ redis, keyPrefix, onError }: LimitsOptions, name: string, points: number, seconds: number) {
    const window = { points, duration: seconds, keyPrefix: `${keyPrefix}:${name}` };
    this.#points = points;
    this.#windowSeconds = seconds;
    this.#shared = new RateLimiterRedis({ ...window, storeClient: redis, rejectIfRedisNotReady: true });
    this.#own = new RateLimiterMemory(window);
    this.#onError = onError;
  }

  async count(key: string): Promise<Verdict | null> {
    if (this.#points === 0) return null;
    return this.#verdict(await this.#outcome((limiter) => limiter.consume(hashOf(key))));
  }

  async forgive(key: string): Promise<void> {
    if (this.#points > 0) await this.#outcome((limiter) => limiter.reward(hashOf(key)));
  }

  /** What is over the limit is rejected by the library with a result, as what fails is with an error. */
  async #outcome(
    ask: (limiter: RateLimiterRedis | RateLimiterMemory) => Promise<RateLimiterRes | null>,
  ): Promise<RateLimiterRes | null> {
    for (const limiter of [this.#shared, this.#own]) {
      try {
        return await ask(limiter);
      } catch (thrown) {
        if (thrown instanceof RateLimiterRes) return thrown;
        this.#onError(thrown);
      }
    }
    return null;
  }

  #verdict(found: RateLimiterRes | null): Verdict {
    const used = found?.consumedPoints ?? 0;
    return {
      allowed: used <= this.#points,
      limit: this.#points,
      remaining: Math.max(0, this.#points - used),
      resetSeconds: Math.max(1, Math.ceil((found?.msBeforeNext ?? 0) / 1000)),
      windowSeconds: this.#windowSeconds,
    };
  }
}

/** Names come from outside and are of any length and form. */
function hashOf(key: string): string {
  return createHash("sha256").update(key).digest("base64url").slice(0, 24);
}
