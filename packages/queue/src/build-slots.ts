// The build slots of a worker. The worker reserves one for each job that it takes, so that a worker without a free slot leaves jobs to
// other workers. A deployment that no longer builds, for example while its app boots, holds no slot.

import { untilAborted } from "@slipway/async";

/** The slot of one deployment. Dispose of it when the attempt has ended. */
export interface BuildSlot extends Disposable {
  readonly isHeld: boolean;
  /**
   * Holds a slot until it is released. The slot is already reserved, unless it was released before.
   * @param onWait called when no slot is free. Waiting deployments get free slots first come, first served.
   * @throws the signal's reason when aborted.
   */
  take(signal: AbortSignal, onWait: () => void): Promise<void>;
  /** Frees the slot. Idempotent. */
  release(): void;
  /** Frees the slot and reports that the deployment no longer builds. Idempotent. */
  end(): void;
}

export interface BuildSlotsOptions {
  /** Maximum number of concurrent builds. */
  readonly count: number;
  /** Maximum number of running deployments in addition to those that build. */
  readonly beside: number;
  /** Called when `capacity` may have changed. */
  readonly onChange: () => void;
}

export class BuildSlots {
  readonly #options: BuildSlotsOptions;
  readonly #open = new Set<BuildSlot>();
  readonly #waiting: (() => void)[] = [];
  #held = 0;

  constructor(options: BuildSlotsOptions) {
    this.#options = options;
  }

  /** How many slots are held. */
  get used(): number {
    return this.#held;
  }

  /** Maximum number of deployments that may run here now: the running ones, and one for each free slot. */
  get capacity(): number {
    const { count, beside } = this.#options;
    return Math.min(this.#open.size + count - this.#held, count + beside);
  }

  /**
   * Reserves a slot for a deployment that the worker has taken.
   * @param onEnd called once, when the deployment no longer builds.
   */
  open(onEnd: () => void): BuildSlot {
    let isHeld = this.#occupy();
    let hasEnded = false;
    const release = () => {
      if (!isHeld) return;
      isHeld = false;
      this.#free();
    };
    const slot: BuildSlot = {
      get isHeld() {
        return isHeld;
      },
      take: async (signal, onWait) => {
        if (isHeld) return;
        if (this.#occupy()) {
          isHeld = true;
          return;
        }
        const { promise, resolve } = Promise.withResolvers<void>();
        const turn = () => {
          isHeld = true;
          resolve();
        };
        this.#waiting.push(turn);
        onWait();
        try {
          await untilAborted(promise, signal);
        } catch (error) {
          this.#leave(turn);
          throw error;
        }
      },
      release,
      end: () => {
        if (hasEnded) return;
        hasEnded = true;
        release();
        onEnd();
      },
      [Symbol.dispose]: () => {
        if (!this.#open.delete(slot)) return;
        release();
        this.#options.onChange();
      },
    };
    this.#open.add(slot);
    return slot;
  }

  #occupy(): boolean {
    if (this.#held >= this.#options.count) return false;
    this.#held += 1;
    return true;
  }

  /** A slot that goes to a waiting deployment stays counted as held, so no slot is free while one waits. */
  #free(): void {
    const next = this.#waiting.shift();
    if (next !== undefined) return next();
    this.#held -= 1;
    this.#options.onChange();
  }

  #leave(turn: () => void): void {
    const at = this.#waiting.indexOf(turn);
    if (at < 0) return;
    this.#waiting.splice(at, 1);
    this.#options.onChange();
  }
}
