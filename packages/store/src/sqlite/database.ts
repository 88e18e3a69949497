// A connection to the SQLite file: transactions, cached statements, waiting for the lock, and translation of errors.

import { closeSync, existsSync, mkdirSync, openSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { SQLInputValue, StatementSync } from "node:sqlite";
import { setImmediate as othersTurn, setTimeout as delay } from "node:timers/promises";
import { SlipwayError } from "@slipway/core";
import { isBusy, storeUnavailable } from "./failures.ts";

export type Value = SQLInputValue;

/** The calls of a transaction. Rows have the columns as SQLite returns them; the caller asserts their types. */
export interface Transaction {
  all<Row>(sql: string, ...values: readonly Value[]): Row[];
  /** @returns the number of rows that it inserted, changed or deleted. */
  run(sql: string, ...values: readonly Value[]): number;
}

export interface DatabaseOptions {
  /** The file. The file and its folder are created when missing, readable only by this user, because it contains apps' secrets. */
  readonly path: string;
  /** How long a call waits for other processes' transactions before it fails. */
  readonly busyBoundMs?: number;
  /** The inode of another connection's file: the file must exist and have this inode. */
  readonly inode?: number;
}

/** A waiting transaction with any type of result. */
interface WaitingWrite {
  readonly deadline: number;
  /** Does the work. @returns the function that settles its caller's promise, to be called once the result is on disk. */
  readonly run: (transaction: Transaction) => () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * SQLite itself blocks the event loop while it waits for a lock. It waits at most this long; then the wait continues with timers,
 * so that a process with a slow neighbor still responds.
 */
const blockingWaitMs = 10;
const pollMs = 20;
/** Maximum number of writes that share a commit: about as many as are executed during one fsync. */
const sharedWrites = 64;
const walBytesKept = 64 * 1024 * 1024;

/**
 * WAL, so that readers and the writer do not wait for each other. `synchronous = FULL` because an accepted deployment, a final
 * status or a release must survive a power failure: with NORMAL the last commits of a WAL may be lost, and the
 * queue, the engine and the client would know of changes that the database has lost. The cost is one fsync per commit, which
 * the waiting writes share.
 */
const settings = `
  PRAGMA synchronous = FULL;
  PRAGMA foreign_keys = ON;
  PRAGMA journal_size_limit = ${walBytesKept};
`;

export class Database implements Transaction, AsyncDisposable {
  readonly path: string;
  readonly #connection: DatabaseSync;
  readonly #busyBoundMs: number;
  /** Inode of the file. */
  readonly inode: number;
  readonly #statements = new Map<string, StatementSync>();
  /** This process's own queue of writers, so that they need not compete with each other for the lock. */
  readonly #waiting: WaitingWrite[] = [];
  #writing: Promise<void> | undefined;

  private constructor(path: string, busyBoundMs: number, inode: number | undefined) {
    this.path = path;
    this.#busyBoundMs = busyBoundMs;
    if (inode === undefined) createPrivateFile(path);
    this.inode = inode ?? statSync(path).ino;
    this.#checkInPlace();
    this.#connection = new DatabaseSync(path, { timeout: blockingWaitMs });
  }

  /** @throws {SlipwayError} "store-unavailable" when the file cannot be created, opened or read as a database. */
  static async open({ path, busyBoundMs = 5_000, inode }: DatabaseOptions): Promise<Database> {
    const database = await unavailableUnless(() => new Database(resolve(path), busyBoundMs, inode));
    try {
      await database.#waitForLock(() => database.#useWal(), Date.now() + busyBoundMs);
      return database;
    } catch (error) {
      await database[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Runs queries on one consistent state of the database. @throws {SlipwayError} "store-unavailable". */
  read<Result>(work: (transaction: Transaction) => Result): Promise<Result> {
    return this.#waitForLock(() => this.#transaction("BEGIN", work), Date.now() + this.#busyBoundMs);
  }

  /** Runs one query. It needs no transaction, because a single statement reads one consistent state. @throws {SlipwayError} "store-unavailable". */
  query<Row>(sql: string, ...values: readonly Value[]): Promise<Row[]> {
    const run = (): Row[] => {
      this.#checkInPlace();
      return this.all(sql, ...values);
    };
    return this.#waitForLock(run, Date.now() + this.#busyBoundMs);
  }

  /**
   * Runs a transaction that holds the database's only write lock from its first statement, so data that it reads stays valid
   * until it commits. It should be short, because every process waits for it. When `work` throws, nothing is stored.
   * @throws {SlipwayError} "store-unavailable", also when the lock was not free within the bound.
   */
  write<Result>(work: (transaction: Transaction) => Result): Promise<Result> {
    const written = Promise.withResolvers<Result>();
    const run = (transaction: Transaction) => {
      const result = work(transaction);
      return () => written.resolve(result);
    };
    this.#waiting.push({ deadline: Date.now() + this.#busyBoundMs, run, reject: written.reject });
    this.#writing ??= this.#writeAll();
    return written.promise;
  }

  all<Row>(sql: string, ...values: readonly Value[]): Row[] {
    return this.#statement(sql).all(...values) as Row[];
  }

  run(sql: string, ...values: readonly Value[]): number {
    return Number(this.#statement(sql).run(...values).changes);
  }

  /** Runs several statements, for migrations. Only within `write`. */
  script(sql: string): void {
    this.#connection.exec(sql);
  }

  /** Waits for the current writes, then closes; later calls reject with "store-unavailable". */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writing;
    this.#statements.clear();
    if (this.#connection.isOpen) this.#connection.close();
  }

  #useWal(): void {
    this.#connection.exec(settings);
    const [mode] = this.all<{ journal_mode: string }>("PRAGMA journal_mode = WAL");
    if (mode?.journal_mode !== "wal") {
      throw new SlipwayError(
        "configuration-invalid",
        `${this.path} lies on a file system that several processes cannot share a SQLite database on (journal mode ${mode?.journal_mode})`,
      );
    }
  }

  /** Between two commits, other callers can enqueue their writes. */
  async #writeAll(): Promise<void> {
    do {
      await othersTurn();
      await this.#writeTogether();
    } while (this.#waiting.length > 0);
    this.#writing = undefined;
  }

  /** One commit for all waiting writes. No caller gets a result before it is on disk. */
  async #writeTogether(): Promise<void> {
    let group: WaitingWrite[] = [];
    try {
      const settlers = this.#transaction("BEGIN IMMEDIATE", () => {
        // Taken once the lock is held, so that writes enqueued during the wait are included.
        group = this.#waiting.splice(0, sharedWrites);
        return group.length === 1 ? group.map(({ run }) => run(this)) : group.map((one) => this.#apart(one));
      });
      for (const settle of settlers) settle();
    } catch (error) {
      const waits = group.length === 0 && isBusy(error);
      const refused = group.length > 0 ? group : this.#takeWaiting(waits ? Date.now() : Infinity);
      for (const { reject } of refused) reject(storeUnavailable(error, this.path));
      if (waits) await delay(pollMs * (0.5 + Math.random()));
    }
  }

  /** Runs one write of the group: when it throws, only its own changes are undone. */
  #apart({ run, reject }: WaitingWrite): () => void {
    this.run("SAVEPOINT apart");
    try {
      const settle = run(this);
      this.run("RELEASE apart");
      return settle;
    } catch (error) {
      if (!this.#connection.isTransaction) throw error;
      this.#connection.exec("ROLLBACK TO apart; RELEASE apart");
      return () => reject(storeUnavailable(error, this.path));
    }
  }

  /** Removes from the queue the writes whose time limit for the lock ends by then. */
  #takeWaiting(untilMs: number): WaitingWrite[] {
    const late = this.#waiting.filter(({ deadline }) => deadline <= untilMs);
    const others = this.#waiting.filter(({ deadline }) => deadline > untilMs);
    this.#waiting.splice(0, this.#waiting.length, ...others);
    return late;
  }

  #transaction<Result>(begin: string, work: (transaction: Transaction) => Result): Result {
    this.#checkInPlace();
    this.run(begin);
    try {
      const result = work(this);
      this.run("COMMIT");
      return result;
    } catch (error) {
      // Some failures (disk full, out of memory) have rolled back already.
      if (this.#connection.isTransaction) this.#connection.exec("ROLLBACK");
      throw error;
    }
  }

  /** A deleted or replaced file still accepts writes through the open handle, where no process can find them, so they are refused. */
  #checkInPlace(): void {
    const found = statSync(this.path, { throwIfNoEntry: false });
    if (found?.ino !== this.inode) {
      throw new SlipwayError("store-unavailable", `the database file ${this.path} was removed or replaced`);
    }
  }

  #statement(sql: string): StatementSync {
    const cached = this.#statements.get(sql);
    if (cached !== undefined) return cached;
    const statement = this.#connection.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }

  async #waitForLock<Result>(attempt: () => Result, deadline: number): Promise<Result> {
    for (;;) {
      try {
        return attempt();
      } catch (error) {
        if (!isBusy(error) || Date.now() >= deadline) throw storeUnavailable(error, this.path);
      }
      await delay(pollMs * (0.5 + Math.random()));
    }
  }
}

async function unavailableUnless(make: () => Database): Promise<Database> {
  try {
    return make();
  } catch (error) {
    throw storeUnavailable(error, "the database");
  }
}

/**
 * SQLite would make the file readable by all users; its WAL gets the same mode. An existing file must not even be opened: closing
 * a file drops all locks of this process on it, including those of another open store.
 */
function createPrivateFile(path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  if (existsSync(path)) return;
  try {
    closeSync(openSync(path, "wx", 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}
