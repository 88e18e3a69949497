// The functions that report to metrics. While no metrics are open, every function returns at once.

import type { Meter, Observable } from "@opentelemetry/api";
import { withDeadline } from "@slipway/async";
import { SlipwayError } from "@slipway/core";
import { Accumulator } from "./accumulators.ts";
import type { AttributeValues, Series } from "./accumulators.ts";
import type { MetricDefinition } from "./definition.ts";
import type { AttributesOf, MetricName, NameOf, Sample } from "./metric-types.ts";
import { metricRegistry } from "./registry.ts";

interface OpenOptions {
  /** For metrics that are read at a scrape. */
  readonly meter: Meter;
  /** For metrics that the code reports. */
  readonly accumulators: ReadonlyMap<MetricName, Accumulator>;
  /** Called when a source of samples fails; its metrics are missing from that scrape. */
  readonly onError: (error: unknown) => void;
}

interface Open extends OpenOptions {
  readonly observables: ReadonlyMap<MetricName, Observable>;
}

/** Shorter than Prometheus's time limit for a scrape. */
const readLimitMs = 5_000;

let open: Open | null = null;

/** @returns an accumulator for each metric that the code reports. */
export function newAccumulators(): ReadonlyMap<MetricName, Accumulator> {
  return new Map(
    definitions().flatMap(([name, metric]) => (isRead(metric) ? [] : [[name, new Accumulator(metric)]])),
  );
}

/**
 * Creates the instruments of the registry, which the functions below use until the result is disposed of.
 * @throws {SlipwayError} "internal" while the process has open metrics.
 */
export function openInstruments(options: OpenOptions): Disposable {
  if (open !== null) throw new SlipwayError("internal", "the metrics of this process are open already");
  const observables = new Map<MetricName, Observable>();
  for (const [name, definition] of definitions())
    if (isRead(definition)) observables.set(name, observableOf(options.meter, name, definition));
  open = { ...options, observables };
  return {
    [Symbol.dispose]: () => {
      open = null;
    },
  };
}

/** Whether metrics are open, for measurements that are expensive themselves. */
export function isMeasured(): boolean {
  return open !== null;
}

/** Adds to a counter. */
export function count<Name extends NameOf<"counter">>(
  name: Name,
  attributes: AttributesOf<Name>,
  by = 1,
): void {
  open?.accumulators.get(name)?.add(by, attributes);
}

/** Adds to a value that can decrease; `by` is then negative. */
export function change<Name extends NameOf<"change">>(
  name: Name,
  attributes: AttributesOf<Name>,
  by: number,
): void {
  open?.accumulators.get(name)?.add(by, attributes);
}

/** Records a value of a histogram. Negative durations, caused by differing clocks, count as 0. */
export function record<Name extends NameOf<"histogram">>(
  name: Name,
  attributes: AttributesOf<Name>,
  value: number,
): void {
  open?.accumulators.get(name)?.add(Math.max(0, value), attributes);
}

/** @returns `record` for one combination of attributes, which is looked up only once: for frequent values. */
export function recorder<Name extends NameOf<"histogram">>(
  name: Name,
  attributes: AttributesOf<Name>,
): (value: number) => void {
  let found: { readonly by: Open; readonly accumulator: Accumulator; readonly series: Series } | null = null;
  return (value) => {
    if (open === null) return;
    if (found?.by !== open) {
      const accumulator = open.accumulators.get(name);
      if (accumulator === undefined) return;
      found = { by: open, accumulator, series: accumulator.find(attributes) };
    }
    found.accumulator.addTo(found.series, Math.max(0, value));
  };
}

/**
 * Reads samples of these metrics at each scrape, until the result is disposed of.
 * @param read a failure, or a read that takes more than five seconds, is reported, and its samples are missing from the scrape.
 */
export function observe<Name extends Sample["name"]>(
  names: readonly Name[],
  read: () =>
    | readonly Extract<Sample, { readonly name: Name }>[]
    | Promise<readonly Extract<Sample, { readonly name: Name }>[]>,
): Disposable {
  if (open === null) return { [Symbol.dispose]: () => undefined };
  const { meter, observables, onError } = open;
  const observed = names.flatMap((name) => observables.get(name) ?? []);
  const callback = async (result: BatchResult): Promise<void> => {
    try {
      const samples = await withDeadline(async () => read(), { limitMs: readLimitMs });
      for (const { name, value, attributes } of samples) {
        const observable = observables.get(name);
        if (observable !== undefined) result.observe(observable, value, attributes);
      }
    } catch (error) {
      onError(error);
    }
  };
  meter.addBatchObservableCallback(callback, observed);
  return { [Symbol.dispose]: () => meter.removeBatchObservableCallback(callback, observed) };
}

interface BatchResult {
  observe(metric: Observable, value: number, attributes?: AttributeValues): void;
}

function definitions(): readonly [MetricName, MetricDefinition][] {
  return Object.entries(metricRegistry).map(([name, definition]) => [name as MetricName, definition]);
}

/** Whether a metric is read at scrapes. */
function isRead({ kind }: MetricDefinition): boolean {
  return kind === "gauge" || kind === "total";
}

function observableOf(
  meter: Meter,
  name: MetricName,
  { kind, description, unit }: MetricDefinition,
): Observable {
  const options = unit === null ? { description } : { description, unit };
  return kind === "total"
    ? meter.createObservableCounter(name, options)
    : meter.createObservableGauge(name, options);
}
