// A connection to one MongoDB database: time limits of calls, translation of failures, and a graceful end.

import { MongoClient } from "mongodb";
import type { Db, MongoClientOptions } from "mongodb";
import { ConnectionString } from "mongodb-connection-string-url";
import { KeyedQueue, withDeadline } from "@slipway/async";
import { SlipwayError } from "@slipway/core";
import { wasNotExecuted, isNoServer, isServersFault, isWriteConflict, storeUnavailable } from "./failures.ts";
import { pauseAfterLostRace } from "./lost-race.ts";

export interface ConnectionOptions {
  /** `mongodb:` or `mongodb+srv:`. Its path names the database; the default is `slipway`. */
  readonly url: string;
  /** How long a call waits for an available server, including the first connection. */
  readonly selectionMs?: number;
  /** How long a server may be silent during a call. Work takes no longer than this and `selectionMs` together. */
  readonly silenceMs?: number;
}

/** Work that runs on a connection. `signal` aborts at its time limit: a loop of retries must check it. */
export type Work<Result> = (database: Db, signal: AbortSignal) => Promise<Result>;

const defaultDatabase = "slipway";
/** An election takes some ten seconds, and a call that begins during one must outlast it. */
const defaultSelectionMs = 15_000;
const defaultSilenceMs = 10_000;
/** Maximum number of tries of a call that makes the server fail. */
const maxServerFaults = 20;
/**
 * Options that are removed from a URL: stale reads or lost writes would break the port's guarantees, and the time limits are set here.
 * If the driver's options overrode them instead, some of the URL's would still apply.
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

/** Opened once per store. Disposing it lets running calls finish; afterwards every call is "store-unavailable". */
export class Connection implements AsyncDisposable {
  readonly #options: Required<ConnectionOptions>;
  readonly #underWay = new Set<Promise<unknown>>();
  readonly #queue = new KeyedQueue();
  readonly #databaseName: string;
  #client: MongoClient;
  #closed: Promise<void> | undefined;

  private constructor(options: Required<ConnectionOptions>) {
    this.#options = options;
    this.#client = clientFor(options);
    this.#databaseName = databaseName(options.url);
  }

  /**
   * Connects, so that a wrong address or password is detected at once.
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
   * Runs calls on the database within one time limit for all of them, including the driver's retries; their failures are translated to
   * the errors of the store's port. A call without an answer at the time limit may still be carried out.
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
   * Like `run`, but one call after the other for the same key: concurrent writers of one document or number slow each other down, and
   * some servers report them as deadlocks. Only other processes can still compete.
   */
  async runInTurn<Result>(key: string, work: Work<Result>): Promise<Result> {
    return await this.run((database, signal) => this.#queue.run(key, () => work(database, signal), signal));
  }

  /** Repeats the work after faults of the server. This is safe, because the port requires that every call can be repeated. */
  async #repeatedly<Result>(work: Work<Result>, signal: AbortSignal): Promise<Result> {
    const giveUpAt = Date.now() + this.#options.selectionMs;
    for (let round = 1; ; round += 1) {
      const client = this.#client;
      try {
        return await work(client.db(this.#databaseName), signal);
      } catch (error) {
        if (isNoServer(error)) this.#replace(client);
        const isRetryable =
          isWriteConflict(error) ||
          (wasNotExecuted(error) && Date.now() < giveUpAt) ||
          (isServersFault(error) && round < maxServerFaults);
        if (!isRetryable || signal.aborted) throw error;
      }
      await pauseAfterLostRace(round, signal);
    }
  }

  async #bounded<Result>(work: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
    const boundMs = this.#options.selectionMs + this.#options.silenceMs;
    const client = this.#client;
    const watched = (signal: AbortSignal): Promise<Result> => {
      const call = work(signal);
      signal.addEventListener("abort", () => this.#replaceIfUnresponsive(client, call), { once: true });
      return call;
    };
    const error = () => new SlipwayError("store-unavailable", tooLong(boundMs));
    return await withDeadline(watched, { limitMs: boundMs, error });
  }

  /**
   * The driver's own limits do not cover a call whose connection breaks during a write: it may never settle. A call that is only
   * slow ends within the limits, now that its time is over, and needs no new client.
   */
  #replaceIfUnresponsive(client: MongoClient, call: Promise<unknown>): void {
    const { selectionMs, silenceMs } = this.#options;
    const timer = setTimeout(() => this.#replace(client), 2 * (selectionMs + silenceMs)).unref();
    const ended = () => clearTimeout(timer);
    call.then(ended, ended);
  }

  /**
   * Replaces the client. When a connection breaks at the wrong moment, the driver's monitoring of the server may never end,
   * and that client then no longer finds a server. The old client is closed when its calls have ended.
   */
  #replace(client: MongoClient): void {
    if (client !== this.#client || this.#closed !== undefined) return;
    this.#client = clientFor(this.#options);
    Promise.allSettled(this.#underWay)
      .then(() => client.close())
      // The client was given up because it does not respond: nothing depends on its end.
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
    // Neither its message nor its properties are passed on, because they may contain the URL with its password.
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
