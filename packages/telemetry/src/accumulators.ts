// Accumulates reported values between two scrapes. Own code, because OpenTelemetry's instruments sort and serialize the attributes of
// every report, which takes longer than the measured step of a log line.

import type { MetricDefinition } from "./definition.ts";

export type AttributeValues = Readonly<Record<string, string>>;

/** The values reported with one combination of attributes. */
export interface Series {
  readonly attributes: AttributeValues;
  readonly since: Date;
  /** The sum of all reported values. */
  sum: number;
  /** For a histogram: the number of values, and their number per bucket; the last bucket contains values above all bounds. */
  count: number;
  readonly counts: number[];
}

/** An attribute value, with the values of the next attribute that occurred together with it. */
interface Node {
  readonly next: Map<string | undefined, Node>;
  series: Series | null;
}

/** Further combinations share one series, so that an attribute with too many values cannot exhaust memory. */
const maxSeries = 2_000;
const overflow: AttributeValues = { otel_metric_overflow: "true" };

/** The values of one counter, one up-down counter, or one histogram. */
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

  /** All reported combinations of attributes. */
  get series(): readonly Series[] {
    return this.#series;
  }

  /** Adds to a counter, or records a value of a histogram. NaN is ignored, because it would make the sum useless. */
  add(value: number, attributes: AttributeValues): void {
    if (!Number.isNaN(value)) this.addTo(this.find(attributes), value);
  }

  /** Like `add`, for a series that was found before. */
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

  /** Bounds are part of their buckets. Most durations are in the first buckets. */
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
