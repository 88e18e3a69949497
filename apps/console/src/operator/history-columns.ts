// The samples of the queue as columns of a plot.

import type { QueueSample } from "@slipway/protocol";

export type Value = (sample: QueueSample) => number | null;

/** Times in seconds since 1970, and the values of each line. A gap in the samples is marked by a point without values. */
export type Columns = [times: number[], ...values: (number | null)[][]];

/** @param intervalSeconds the time between two samples. A distance of more than twice as long is a gap. */
export function columnsOf(
  samples: readonly QueueSample[],
  intervalSeconds: number,
  lines: readonly Value[],
): Columns {
  const times: number[] = [];
  const values: (number | null)[][] = lines.map(() => []);
  for (const sample of samples) {
    const at = Date.parse(sample.at) / 1000;
    const last = times.at(-1);
    if (last !== undefined && at - last > 2 * intervalSeconds) {
      times.push(last + intervalSeconds);
      for (const column of values) column.push(null);
    }
    times.push(at);
    for (const [index, line] of lines.entries()) values[index]?.push(line(sample));
  }
  return [times, ...values];
}

/** @returns a text with the last and the largest value of a line, for users who cannot see the plot. */
export function summaryOf(
  name: string,
  values: readonly (number | null)[],
  format: (value: number) => string,
): string {
  const known = values.filter((value) => value !== null);
  const last = known.at(-1);
  if (last === undefined) return `${name}: none`;
  return `${name}: ${format(last)} last, ${format(Math.max(...known))} at most`;
}
