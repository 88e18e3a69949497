// A connection to one MongoDB database: how long a call may take, what a failure is called, and an end that waits.

import { MongoClient } from "mongodb";
import type { Db, MongoClientOptions } from "mongodb";
import { ConnectionString } from "mongodb-connection-string-url";
import { Turns, withDeadline } from "@slipway/async";
import { SlipwayError } from "@slipway/core";
import {
  isNeverCarriedOut,
  isNoServer,
  isServersFault,
  isWriteConflict,
  storeUnavailable,
} from "./failures.ts";
import { pauseAfterLostRace } from "./lost-race.ts";

export interface ConnectionOptions {
  /** `mongodb:` or `mongodb+srv:`. Its path names the database, else it is `slipway`. */
  readonly url: string;
  /** How long a call waits for a server that can take it, the first connection included. */
  readonly selectionMs?: number;
  /** How long a server may keep silent in a call. What is run takes no longer than this and `selectionMs` together. */
  readonly silenceMs?: number;
}

/** What is run on a connection. `signal` aborts at its time limit: a loop of retries has to check it. */
export type Work<Result> = (database: Db, signal: AbortSignal) => Promise<Result>;

const defaultDatabase = "slipway";
/** An election takes some ten seconds, and a call that comes in the middle of one is to see its end. */
const defaultSelectionMs = 15_000;
const defaultSilenceMs = 10_000;
/** How often a call that makes the server fail is tried. */
const maxServerFaults = 20;
/**
 * Removed from a URL: a stale read or a lost write would break the port's guarantees, and the time limits are set here. Left to the
 * driver's options, some of the URL's would still apply.
 */
const notTheUrls = [
  "w",
  "journal",
  "wtimeout",
  "wtimeoutMS",
  "readConcernLevel",
  "readPreference",
  "readPreferenceTags",
  "maxStalenessSeconds",
  "retryReads",
  "retryWrites",
  "timeoutMS",
  "serverSelectionTimeoutMS",
  "connectTimeoutMS",
  "socketTimeoutMS",
  "waitQueueTimeoutMS",
];

/** Opened once per store. Disposing it lets what is under way finish; from then on every call is "store-unavailable". */
export class Connection implements AsyncDisposable {
  readonly #options: Required<ConnectionOptions>;
  readonly #underWay = new Set<Promise<unknown>>();
  readonly #turns = new Turns();
  readonly #databaseName: string;
  #client: MongoClient;
  #closed: Promise<void> | undefined;

  private constructor(options: Required<ConnectionOptions>) {
    this.#options = options;
    this.#client = clientFor(options);
    this.#databaseName = databaseName(options.url);
  }

  /**
   * Connects, so that a wrong address or password shows at once.
   * @throws {SlipwayError} "configuration-invalid" for a malformed URL, "store-unavailable" when no server answers.
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

  /**
   * Runs calls on the database within one bound for all of them, whatever the driver repeats; all their failures come out as
   * the store's port names them. What was sent and not answered when the bound ends may still be carried out.
   */
  async run<Result>(work: Work<Result>): Promise<Result> {
    if (this.#closed !== undefined) throw new SlipwayError("store-unavailable", "the store is closed");
    const call = this.#bounded((signal) => this.#repeatedly(work, signal));
    this.#underWay.add(call);
    try {
      return await call;
    } catch (error) {
      throw storeUnavailable(error);
    } finally {
      this.#underWay.delete(call);
    }
  }

  /**
   * As `run`, one call after the other for the same key: writers that compete for one document or number slow each other down, and
   * some servers report them as deadlocks. Only other processes still compete.
   */
  async runInTurn<Result>(key: string, work: Work<Result>): Promise<Result> {
    return await this.run((database, signal) => this.#turns.take(key, () => work(database, signal), signal));
  }

  /** Whatever a store does in one call is safe to repeat, as its port demands. */
  async #repeatedly<Result>(work: Work<Result>, signal: AbortSignal): Promise<Result> {
    const giveUpAt = Date.now() + this.#options.selectionMs;
    for (let round = 1; ; round += 1) {
      const client = this.#client;
      try {
        return await work(client.db(this.#databaseName), signal);
      } catch (error) {
        if (isNoServer(error)) this.#replace(client);
        const hopeful =
          isWriteConflict(error) ||
          (isNeverCarriedOut(error) && Date.now() < giveUpAt) ||
          (isServersFault(error) && round < maxServerFaults);
        if (!hopeful || signal.aborted) throw error;
      }
      await pauseAfterLostRace(round, signal);
    }
  }

  async #bounded<Result>(work: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
    const boundMs = this.#options.selectionMs + this.#options.silenceMs;
    const client = this.#client;
    const watched = (signal: AbortSignal): Promise<Result> => {
      const call = work(signal);
      signal.addEventListener("abort", () => this.#replaceIfItHangs(client, call), { once: true });
      return call;
    };
    const error = () => new SlipwayError("store-unavailable", tooLong(boundMs));
    return await withDeadline(watched, { limitMs: boundMs, error });
  }

  /**
   * The driver's own limits do not cover a call whose connection breaks during a write: it may never settle. One that
   * is merely long ends within them, now that its time is over, and needs no other client.
   */
  #replaceIfItHangs(client: MongoClient, call: Promise<unknown>): void {
    const { selectionMs, silenceMs } = this.#options;
    const timer = setTimeout(() => this.#replace(client), 2 * (selectionMs + silenceMs)).unref();
    const ended = () => clearTimeout(timer);
    call.then(ended, ended);
  }

  /**
   * Replaces the client. When a connection breaks at the wrong moment, the driver's monitoring of the server may never end,
   * and that client then finds no server any more. The old one is closed when its calls have ended.
   */
  #replace(client: MongoClient): void {
    if (client !== this.#client || this.#closed !== undefined) return;
    this.#client = clientFor(this.#options);
    Promise.allSettled(this.#underWay)
      .then(() => client.close())
      // it was given up because it does not answer: nothing depends on its end
      .catch(() => undefined);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= Promise.allSettled(this.#underWay).then(() => this.#client.close());
    return this.#closed;
  }
}

function tooLong(boundMs: number): string {
  return `the database cannot be used: it did not answer within ${Math.round(boundMs / 1000)} s`;
}

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
    return new MongoClient(safe(url), settings);
  } catch {
    // Neither its message nor its properties are passed on: they may repeat the URL with its password.
    throw new SlipwayError(
      "configuration-invalid",
      "the database URL is no valid mongodb: or mongodb+srv: URL, or has an option that does not exist",
    );
  }
}

function safe(url: string): string {
  const parsed = new ConnectionString(url);
  for (const option of notTheUrls) parsed.searchParams.delete(option);
  return parsed.href;
}

function databaseName(url: string): string {
  const name = decodeURIComponent(new ConnectionString(url).pathname.slice(1));
  return name === "" ? defaultDatabase : name;
}
