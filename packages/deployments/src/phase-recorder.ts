// Records the phases of one attempt in memory. The lease stores them with its own changes.

import type { PhaseRecord } from "@slipway/core";

/** The calls by which a running phase reports its progress. */
export interface RunningPhase {
  /** Adds to the number of transferred bytes. */
  addBytes(count: number): void;
  /** Records that the phase reuses a result of an earlier deployment, for example "dependencies". */
  reuse(what: string): void;
}

export interface PhaseRecorderOptions {
  readonly now: () => Date;
  /** Runs the work of a phase, for example within the phase's span. */
  readonly around: <T>(phase: PhaseRecord, work: () => T) => T;
  /** Called after each start and each end. */
  readonly onChange: (phase: PhaseRecord, lineCount: number) => void;
}

/** A failed phase, and the position in the log at which it began. */
export interface FailedPhase {
  readonly name: string;
  readonly firstLine: number;
}

export class PhaseRecorder {
  readonly #options: PhaseRecorderOptions;
  readonly #records: PhaseRecord[] = [];
  /** Failed phases by their error; for nested phases, the innermost. */
  readonly #failed = new WeakMap<object, FailedPhase>();

  constructor(options: PhaseRecorderOptions) {
    this.#options = options;
  }

  /** In the order of their starts. */
  get records(): readonly PhaseRecord[] {
    return [...this.#records];
  }

  /** Runs a phase. @throws the error of `work`. */
  async run<T>(
    { name, log }: { readonly name: string; readonly log: { readonly lastSeq: number } },
    work: (phase: RunningPhase) => Promise<T>,
  ): Promise<T> {
    const { now } = this.#options;
    const index = this.#records.length;
    const firstLine = log.lastSeq + 1;
    let record: PhaseRecord = {
      name,
      startedAt: now(),
      finishedAt: null,
      bytes: null,
      reused: [],
      outcome: null,
    };
    const change = (next: Partial<PhaseRecord>) => {
      record = { ...record, ...next };
      this.#records[index] = record;
    };
    const end = (outcome: "success" | "failed") => {
      change({ finishedAt: now(), outcome });
      this.#options.onChange(record, log.lastSeq);
    };
    const running: RunningPhase = {
      addBytes: (count) => change({ bytes: (record.bytes ?? 0) + count }),
      reuse: (what) => change({ reused: [...new Set([...record.reused, what])] }),
    };
    change({});
    this.#options.onChange(record, log.lastSeq);
    try {
      const result = await this.#options.around(record, () => work(running));
      end("success");
      return result;
    } catch (error) {
      if (typeof error === "object" && error !== null && !this.#failed.has(error))
        this.#failed.set(error, { name, firstLine });
      end("failed");
      throw error;
    }
  }

  /** The phase in which an error, or its cause, occurred; null when it occurred in none. */
  failedBy(error: Error): FailedPhase | null {
    const { cause } = error;
    const ofCause = typeof cause === "object" && cause !== null ? this.#failed.get(cause) : undefined;
    return this.#failed.get(error) ?? ofCause ?? null;
  }
}
