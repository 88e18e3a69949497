// A connection to one MongoDB database: how long a call may wait, what a failure is called, and an end that waits.

import { setTimeout as delay } from "node:timers/promises";
import { MongoClient } from "mongodb";
import type { Db, MongoClientOptions } from "mongodb";
import { SlipwayError } from "@slipway/core";
import { isNeverCarriedOut, isNoServer, isWriteConflict, storeUnavailable } from "./failures.ts";

export interface ConnectionOptions {
  /** `mongodb:` or `mongodb+srv:`. Its path names the database, else it is `slipway`. */
  readonly url: string;
  /** How long a call waits for a server that can take it, the first connection included. */
  readonly selectionMs?: number;
  /** How long a server may keep silent in a call. */
  readonly silenceMs?: number;
}

const defaultDatabase = "slipway";
const defaultSelectionMs = 5_000;
const defaultSilenceMs = 10_000;
/** How often a call may lose to another before it fails. */
const mostRounds = 50;
/** Before a call is tried again, at most. */
const pauseMs = 50;
const databaseInUrl = /^mongodb(?:\+srv)?:\/\/[^/?]+\/([^?]+)/i;

/** Opened once per store. Disposing it lets what is under way finish; from then on every call is "store-unavailable". */
export class Connection implements AsyncDisposable {
  readonly #options: Required<ConnectionOptions>;
  readonly #underWay = new Set<Promise<unknown>>();
  #client: MongoClient;
  #closed: Promise<void> | undefined;

  private constructor(options: Required<ConnectionOptions>) {
    this.#options = options;
    this.#client = clientFor(options);
  }

  /**
   * Connects, so that a wrong address or password shows at once.
   * @throws {SlipwayError} "configuration-invalid" for a URL that is none, "store-unavailable" where nobody answers.
   */
  static async open(options: ConnectionOptions): Promise<Connection> {
    const connection = new Connection({
      selectionMs: defaultSelectionMs,
      silenceMs: defaultSilenceMs,
      ...options,
    });
    try {
      await connection.run((database) => database.client.connect());
    } catch (error) {
      await connection[Symbol.asyncDispose]();
      throw error;
    }
    return connection;
  }

  /** Runs calls on the database; all their failures come out as the store's port names them. */
  async run<Result>(work: (database: Db) => Promise<Result>): Promise<Result> {
    if (this.#closed !== undefined) throw new SlipwayError("store-unavailable", "the store is closed");
    const call = this.#repeatedly(work);
    this.#underWay.add(call);
    try {
      return await call;
    } catch (error) {
      throw storeUnavailable(error);
    } finally {
      this.#underWay.delete(call);
    }
  }

  /** Whatever a store does in one call is safe to repeat, as its port demands. */
  async #repeatedly<Result>(work: (database: Db) => Promise<Result>): Promise<Result> {
    const giveUpAt = Date.now() + this.#options.selectionMs;
    for (let round = 1; ; round += 1) {
      const client = this.#client;
      try {
        return await this.#bounded(work(client.db(databaseName(this.#options.url))));
      } catch (error) {
        if (isNoServer(error) || error instanceof NoEnd) this.#replace(client);
        const again = isWriteConflict(error)
          ? round < mostRounds
          : isNeverCarriedOut(error) && Date.now() < giveUpAt;
        if (!again) throw error;
      }
      await delay(Math.random() * pauseMs);
    }
  }

  /** The driver's own bounds do not hold for a call whose connection breaks while it is written to: it may never end. */
  async #bounded<Result>(call: Promise<Result>): Promise<Result> {
    const { selectionMs, silenceMs } = this.#options;
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => late.reject(new NoEnd()), 2 * (selectionMs + silenceMs));
    try {
      return await Promise.race([call, late.promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  /**
   * Goes on with a new client. When a connection breaks at the wrong moment the driver's look at the server may never end,
   * and that client then finds no server any more. The old one is closed when its calls have ended.
   */
  #replace(client: MongoClient): void {
    if (client !== this.#client || this.#closed !== undefined) return;
    this.#client = clientFor(this.#options);
    void Promise.allSettled(this.#underWay).then(() => Promise.allSettled([client.close()]));
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= Promise.allSettled(this.#underWay).then(() => this.#client.close());
    return this.#closed;
  }
}

/** A call came to no end within its bound. */
class NoEnd extends SlipwayError {
  constructor() {
    super("store-unavailable", "the database cannot be used: it does not answer");
  }
}

/** What the URL says otherwise about safety is overruled: a stale read or a lost write would break the port's promises. */
function clientFor({ url, selectionMs, silenceMs }: Required<ConnectionOptions>): MongoClient {
  const settings: MongoClientOptions = {
    appName: "slipway",
    serverSelectionTimeoutMS: selectionMs,
    connectTimeoutMS: selectionMs,
    waitQueueTimeoutMS: selectionMs,
    socketTimeoutMS: silenceMs,
    readPreference: "primary",
    writeConcern: { w: "majority" },
  };
  try {
    return new MongoClient(url, settings);
  } catch {
    // Neither its message nor its properties are passed on: they may repeat the URL with its password.
    throw new SlipwayError(
      "configuration-invalid",
      "the database URL is no valid mongodb: or mongodb+srv: URL, or has an option that does not exist",
    );
  }
}

function databaseName(url: string): string {
  const name = databaseInUrl.exec(url)?.[1];
  return name === undefined ? defaultDatabase : decodeURIComponent(name);
}
