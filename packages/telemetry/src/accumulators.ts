// Adds up what the code reports between two scrapes. Own code, because OpenTelemetry's instruments sort and serialize the attributes at
// every report, which takes longer than the measured step of a log line.

import type { MetricDefinition } from "./definition.ts";

export type AttributeValues = Readonly<Record<string, string>>;

/** What was reported with one combination of attributes. */
export interface Series {
  readonly attributes: AttributeValues;
  readonly since: Date;
  /** The sum of all reported values. */
  sum: number;
  /** For a histogram: the number of values, and their number in each bucket; the last bucket has the values above all bounds. */
  count: number;
  readonly counts: number[];
}

/** A value of an attribute, with the values that the next attribute has had together with it. */
interface Node {
  readonly next: Map<string | undefined, Node>;
  series: Series | null;
}

/** More combinations share one series, so that an attribute with many values by mistake does not fill the memory. */
const maxSeries = 2_000;
const overflow: AttributeValues = { otel_metric_overflow: "true" };

/** The values of one counter, one value that rises and falls, or one histogram. */
export class Accumulator {
  readonly definition: MetricDefinition;
  readonly bounds: readonly number[];
  readonly #names: readonly string[];
  readonly #root = newNode();
  readonly #series: Series[] = [];
  #overflow: Series | null = null;

  constructor(definition: MetricDefinition) {
    this.definition = definition;
    this.bounds = definition.buckets ?? [];
    this.#names = Object.keys(definition.attributes);
  }

  /** Every combination of attributes that was reported. */
  get series(): readonly Series[] {
    return this.#series;
  }

  /** Adds to a counter, or records a value of a histogram. NaN, which would spoil the sum for good, is ignored. */
  add(value: number, attributes: AttributeValues): void {
    if (!Number.isNaN(value)) this.addTo(this.find(attributes), value);
  }

  /** The same for a series that was found before. */
  addTo(series: Series, value: number): void {
    if (Number.isNaN(value)) return;
    series.sum += value;
    if (series.counts.length === 0) return;
    series.count += 1;
    const bucket = this.#bucketOf(value);
    series.counts[bucket] = (series.counts[bucket] ?? 0) + 1;
  }

  /** @returns the series of these attributes; a new one the first time. */
  find(attributes: AttributeValues): Series {
    let node = this.#root;
    for (const name of this.#names) {
      const value = attributes[name];
      let next = node.next.get(value);
      if (next === undefined) {
        if (this.#series.length >= maxSeries) return (this.#overflow ??= this.#addSeries(overflow));
        node.next.set(value, (next = newNode()));
      }
      node = next;
    }
    return (node.series ??= this.#addSeries({ ...attributes }));
  }

  /** Bounds belong to their buckets. Most durations are in the first buckets. */
  #bucketOf(value: number): number {
    const { bounds } = this;
    let bucket = 0;
    while (bucket < bounds.length && value > (bounds[bucket] ?? 0)) bucket += 1;
    return bucket;
  }

  #addSeries(attributes: AttributeValues): Series {
    const counts = this.definition.kind === "histogram" ? [...this.bounds.map(() => 0), 0] : [];
    const series = { attributes, since: new Date(), sum: 0, count: 0, counts };
    this.#series.push(series);
    return series;
  }
}

function newNode(): Node {
  return { next: new Map(), series: null };
}
