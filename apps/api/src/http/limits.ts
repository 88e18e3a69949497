// Rate limits per API token, user and address, and for failed logins. All API processes share the counters in Redis; while
// Redis is down, each process keeps its own, so that an outage rejects no request.

import { createHash } from "node:crypto";
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from "rate-limiter-flexible";
import type { RedisConnection } from "@slipway/bus";

export interface LimitsOptions {
  /** A connection with a short command timeout, because each request waits for it. */
  readonly redis: RedisConnection;
  readonly keyPrefix: string;
  /** Requests per minute with one API token, polls excluded. A user has five times as many. 0 means no limit, here and below. */
  readonly tokenPerMinute: number;
  /** The same limit for routes that clients poll. */
  readonly pollsPerMinute: number;
  /** Requests a minute from one address without a valid bearer token. */
  readonly addressPerMinute: number;
  /** Failed password logins in 15 minutes from one address. For one user the limit is five times as high, over all addresses. */
  readonly loginAttempts: number;
  /** Called when Redis cannot count a request. */
  readonly onError: (error: unknown) => void;
}

/** The outcome for one request. Times are in whole seconds, rounded up. */
export interface Verdict {
  readonly allowed: boolean;
  readonly limit: number;
  readonly remaining: number;
  readonly resetSeconds: number;
  readonly windowSeconds: number;
}

/** Counts one request for a key. Returns null if there is no limit. */
export type Limiter = (key: string) => Promise<Verdict | null>;

export interface Limits {
  readonly requests: BearerLimits;
  readonly polls: BearerLimits;
  readonly address: Limiter;
  /** Limits by address. */
  readonly logins: Logins;
  /** Limits by user id, or by the given name if no user has it. */
  readonly accounts: Logins;
}

/** The limit per user is higher, so that one runaway token does not block the user's other tokens. */
export interface BearerLimits {
  readonly token: Limiter;
  /** All tokens of the user together. */
  readonly user: Limiter;
}

/** Failed logins. */
interface Logins {
  count: Limiter;
  /** Releases one attempt: it did not fail. */
  forgive(key: string): Promise<void>;
}

const minute = 60;
const loginWindow = 15 * minute;
const userFactor = 5;
/** Prevents password guessing from many addresses. Locking a user out also requires several addresses. */
const accountFactor = 5;

/** Creates the limiters; a limit of 0 disables one. */
export function openLimits(options: LimitsOptions): Limits {
  const counter = (name: string, points: number, windowSeconds: number) =>
    new Counter(options, name, points, windowSeconds);
  const counting = (name: string, perMinute: number): Limiter => {
    const requests = counter(name, perMinute, minute);
    return (key) => requests.count(key);
  };
  const byBearer = (name: string, perMinute: number): BearerLimits => ({
    token: counting(`${name}:token`, perMinute),
    user: counting(`${name}:user`, perMinute * userFactor),
  });
  return {
    requests: byBearer("requests", options.tokenPerMinute),
    polls: byBearer("polls", options.pollsPerMinute),
    address: counting("address", options.addressPerMinute),
    logins: counter("logins", options.loginAttempts, loginWindow),
    accounts: counter("accounts", options.loginAttempts * accountFactor, loginWindow),
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

  /** Tries Redis, then memory. Over the limit, the library rejects with a result instead of an error. */
  async #outcome(
    call: (limiter: RateLimiterRedis | RateLimiterMemory) => Promise<RateLimiterRes | null>,
  ): Promise<RateLimiterRes | null> {
    for (const limiter of [this.#shared, this.#own]) {
      try {
        return await call(limiter);
      } catch (thrown) {
        if (thrown instanceof RateLimiterRes) return thrown;
        this.#onError(thrown);
      }
    }
    return null;
  }

  #verdict(result: RateLimiterRes | null): Verdict {
    const used = result?.consumedPoints ?? 0;
    return {
      allowed: used <= this.#points,
      limit: this.#points,
      remaining: Math.max(0, this.#points - used),
      resetSeconds: Math.max(1, Math.ceil((result?.msBeforeNext ?? 0) / 1000)),
      windowSeconds: this.#windowSeconds,
    };
  }
}

/** Clients choose the names, so they can have any length and characters. */
function hashOf(key: string): string {
  return createHash("sha256").update(key).digest("base64url").slice(0, 24);
}
