// Measures at intervals what takes too long to measure at each scrape.

import { elapsed } from "@slipway/async";
import { isMeasured, observe } from "./instruments.ts";
import type { Sample } from "./metric-types.ts";

export interface IntervalOptions {
  readonly everyMs: number;
  /** Receives the failure of a measurement. Its metrics are absent until the next one succeeds. */
  readonly onError: (error: unknown) => void;
}

/** The pause after a measurement is at least this many times as long as it took: it takes one per cent of the time at most. */
const pausesPerMeasurement = 99;

/**
 * Reports the last measured samples of these metrics at each scrape, until the result is disposed. The first measurement starts at
 * once and is not awaited. While no metrics are open, nothing is measured.
 * @param measure ends soon after its signal is aborted.
 */
export function observeAtIntervals<Name extends Sample["name"]>(
  names: readonly Name[],
  measure: (signal: AbortSignal) => Promise<readonly Extract<Sample, { readonly name: Name }>[]>,
  options: IntervalOptions,
): AsyncDisposable {
  if (!isMeasured()) return { [Symbol.asyncDispose]: async () => undefined };
  const ending = new AbortController();
  let samples: readonly Extract<Sample, { readonly name: Name }>[] = [];
  const observed = observe(names, () => samples);
  const measureAll = async () => {
    let pauseMs = 0;
    do {
      const startedAt = performance.now();
      try {
        samples = await measure(ending.signal);
      } catch (error) {
        samples = [];
        if (!ending.signal.aborted) options.onError(error);
      }
      pauseMs = Math.max(options.everyMs, (performance.now() - startedAt) * pausesPerMeasurement);
    } while (await elapsed(pauseMs, ending.signal));
  };
  const measuring = measureAll();
  return {
    [Symbol.asyncDispose]: async () => {
      observed[Symbol.dispose]();
      ending.abort();
      await measuring;
    },
  };
}
