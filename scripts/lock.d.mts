// The types of lock.mjs.

/** A process that can be told from a later one with the same pid. */
export interface ProcessIdentity {
  pid: number;
  startedAt: string;
}

export interface LockOptions {
  /** How long to wait for the holder; 0, the default, is not at all. */
  waitMs?: number;
  /** What others may read in the lock while it is held. */
  data?: Record<string, unknown>;
  /** Called once when waiting begins. */
  onWait?: (holder: ProcessIdentity) => void;
}

export interface Lock extends AsyncDisposable {
  path: string;
  release(): Promise<void>;
}

export class LockHeldError extends Error {
  holder: ProcessIdentity & Record<string, unknown>;
}

export function acquireLock(path: string, options?: LockOptions): Promise<Lock>;
export function lockHolder(path: string): Promise<(ProcessIdentity & Record<string, unknown>) | undefined>;
export function processIdentity(pid: number): Promise<ProcessIdentity | undefined>;
export function isAlive(identity: ProcessIdentity): Promise<boolean>;
