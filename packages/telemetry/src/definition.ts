// The form of a metric's definition in the registry.

/**
 * - "counter" and "change" are added to where something happens; the value of a "change" also falls, so Prometheus has it as a gauge.
 * - "histogram" takes one value per event.
 * - "gauge" and "total" are read when Prometheus scrapes; a "total" never falls.
 */
export type MetricKind = "counter" | "change" | "histogram" | "gauge" | "total";

export type ProcessName = "api" | "stream" | "router" | "worker";

export interface MetricDefinition {
  readonly kind: MetricKind;
  /** As in the name; null for counts. */
  readonly unit: "seconds" | "bytes" | null;
  readonly description: string;
  /** What each attribute means, by its name. */
  readonly attributes: Readonly<Record<string, string>>;
  /** Upper bounds of a histogram's buckets. */
  readonly buckets?: readonly number[];
  /** The processes that export it. */
  readonly processes: readonly ProcessName[];
}
