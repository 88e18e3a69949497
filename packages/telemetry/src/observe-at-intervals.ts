// Takes measurements at intervals that would take too long at each scrape.

import { atIntervals } from "@slipway/async";
import type { IntervalOptions } from "@slipway/async";
import { isMeasured, observe } from "./instruments.ts";
import type { Sample } from "./metric-types.ts";

/**
 * Reports the last measured samples of these metrics at each scrape, until the result is disposed of. The first measurement starts at
 * once and is not awaited. After a failure, the metrics are absent until a measurement succeeds. While no metrics are open, nothing is
 * measured.
 * @param measure must end soon after its signal is aborted.
 */
export function observeAtIntervals<Name extends Sample["name"]>(
  names: readonly Name[],
  measure: (signal: AbortSignal) => Promise<readonly Extract<Sample, { readonly name: Name }>[]>,
  options: IntervalOptions,
): AsyncDisposable {
  const opened = new AsyncDisposableStack();
  if (!isMeasured()) return opened;
  let samples: readonly Extract<Sample, { readonly name: Name }>[] = [];
  opened.use(observe(names, () => samples));
  const measureAll = async (signal: AbortSignal) => {
    try {
      samples = await measure(signal);
    } catch (error) {
      samples = [];
      throw error;
    }
  };
  opened.use(atIntervals(measureAll, options));
  return opened;
}
