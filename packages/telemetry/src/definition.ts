// The type of a metric's definition in the registry.

/**
 * - "counter" and "change" are updated where events happen; a "change" can also decrease, so Prometheus has it as a gauge.
 * - "histogram" takes one value per event.
 * - "gauge" and "total" are read when Prometheus scrapes; a "total" never decreases.
 */
export type MetricKind = "counter" | "change" | "histogram" | "gauge" | "total";

export type ProcessName = "api" | "stream" | "router" | "worker";

export interface MetricDefinition {
  readonly kind: MetricKind;
  /** The unit in the metric's name; null for counts. */
  readonly unit: "seconds" | "bytes" | null;
  readonly description: string;
  /** Meanings of the attributes, by name. */
  readonly attributes: Readonly<Record<string, string>>;
  /** Upper bounds of a histogram's buckets. */
  readonly buckets?: readonly number[];
  /** The processes that export it. */
  readonly processes: readonly ProcessName[];
}
