// The median of measured ratios with its confidence interval. It assumes no distribution of the values.

export interface Interval {
  readonly median: number;
  /** With a probability of 95 % the true median lies between `low` and `high`. */
  readonly low: number;
  readonly high: number;
}

/** Standard deviations of a normal distribution that leave 2.5 % on each side. */
const deviations = 1.96;

/**
 * @param values at least one, independent of each other. With fewer than 6 values, the interval contains all of them, and its probability
 * is lower.
 * @returns the median, and the values whose ranks bound it: the number of values below the true median is binomially distributed.
 */
export function medianInterval(values: readonly number[]): Interval {
  const sorted = values.toSorted((a, b) => a - b);
  const { length } = sorted;
  if (length === 0) throw new Error("a median needs at least one value");
  const half = (deviations * Math.sqrt(length)) / 2;
  const low = Math.max(0, Math.floor(length / 2 - half) - 1);
  return { median: middleOf(sorted), low: at(sorted, low), high: at(sorted, length - 1 - low) };
}

function middleOf(sorted: readonly number[]): number {
  const upper = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? at(sorted, upper) : (at(sorted, upper - 1) + at(sorted, upper)) / 2;
}

function at(sorted: readonly number[], index: number): number {
  return sorted[index] ?? Number.NaN;
}
