// Where the code reports to metrics. While no metrics are open, every function returns at once.

import type { Attributes, Meter, Observable } from "@opentelemetry/api";
import { withDeadline } from "@slipway/async";
import { SlipwayError } from "@slipway/core";
import type { MetricDefinition } from "./definition.ts";
import type { AttributesOf, MetricName, NameOf, Sample } from "./metric-types.ts";
import { metricRegistry } from "./registry.ts";

/** Adds to a counter, or records a value of a histogram. */
type Report = (value: number, attributes: Attributes) => void;

interface Open {
  readonly meter: Meter;
  readonly reports: ReadonlyMap<MetricName, Report>;
  readonly observables: ReadonlyMap<MetricName, Observable>;
  readonly onError: (error: unknown) => void;
}

/** Less than Prometheus waits for a scrape. */
const readLimitMs = 5_000;

let open: Open | null = null;

/**
 * Creates the instruments of the registry, which the functions below use until the result is disposed.
 * @param onError called when a source of samples fails; its metrics are absent from that scrape.
 * @throws {SlipwayError} "internal" while the process has open metrics.
 */
export function openInstruments(meter: Meter, onError: (error: unknown) => void): Disposable {
  if (open !== null) throw new SlipwayError("internal", "the metrics of this process are open already");
  const reports = new Map<MetricName, Report>();
  const observables = new Map<MetricName, Observable>();
  for (const [key, definition] of Object.entries(metricRegistry)) {
    const name = key as MetricName;
    const report = reportOf(meter, name, definition);
    if (report !== null) reports.set(name, report);
    else if (definition.kind === "total")
      observables.set(name, meter.createObservableCounter(name, optionsOf(definition)));
    else observables.set(name, meter.createObservableGauge(name, optionsOf(definition)));
  }
  open = { meter, reports, observables, onError };
  return {
    [Symbol.dispose]: () => {
      open = null;
    },
  };
}

/** Whether metrics are open, for measurements that cost something themselves. */
export function isMeasured(): boolean {
  return open !== null;
}

/** Adds to a counter. */
export function count<Name extends NameOf<"counter">>(
  name: Name,
  attributes: AttributesOf<Name>,
  by = 1,
): void {
  open?.reports.get(name)?.(by, attributes);
}

/** Adds to a value that rises and falls; `by` is negative when it falls. */
export function change<Name extends NameOf<"change">>(
  name: Name,
  attributes: AttributesOf<Name>,
  by: number,
): void {
  open?.reports.get(name)?.(by, attributes);
}

/** Records a value of a histogram. Negative durations, of clocks that differ, count as 0. */
export function record<Name extends NameOf<"histogram">>(
  name: Name,
  attributes: AttributesOf<Name>,
  value: number,
): void {
  open?.reports.get(name)?.(Math.max(0, value), attributes);
}

/**
 * Reads samples of these metrics at each scrape, until the result is disposed.
 * @param read a failure, or a read of more than five seconds, is reported, and the scrape has no samples of it.
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
  observe(metric: Observable, value: number, attributes?: Attributes): void;
}

/** @returns null for metrics that are read at a scrape. */
function reportOf(meter: Meter, name: MetricName, definition: MetricDefinition): Report | null {
  const options = optionsOf(definition);
  switch (definition.kind) {
    case "counter": {
      const counter = meter.createCounter(name, options);
      return (value, attributes) => counter.add(value, attributes);
    }
    case "change": {
      const counter = meter.createUpDownCounter(name, options);
      return (value, attributes) => counter.add(value, attributes);
    }
    case "histogram": {
      const { buckets = [] } = definition;
      const histogram = meter.createHistogram(name, {
        ...options,
        advice: { explicitBucketBoundaries: [...buckets] },
      });
      return (value, attributes) => histogram.record(value, attributes);
    }
    default:
      return null;
  }
}

function optionsOf({ description, unit }: MetricDefinition) {
  return unit === null ? { description } : { description, unit };
}
