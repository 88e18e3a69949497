// The types of lock.mjs.

/** Identifies a process, as opposed to a later one with the same pid. */
export interface ProcessIdentity {
  pid: number;
  startedAt: string;
}

export interface LockOptions {
  /** How long to wait for the holder; 0, the default, does not wait. */
  waitMs?: number;
  /** Data that other processes can read from the lock while it is held. */
  data?: Record<string, unknown>;
  /** Called once when the wait begins. */
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
