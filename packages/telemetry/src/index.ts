// Metrics: the registry of all metrics, the functions that report to them, and the endpoint that Prometheus scrapes.

export type { MetricDefinition } from "./definition.ts";
export { measured, measuredStore } from "./dependency-calls.ts";
export type { Dependency } from "./dependency-calls.ts";
export { change, count, isMeasured, observe, record } from "./instruments.ts";
export { metricsOptions, openMetrics } from "./metrics.ts";
export type { Metrics, MetricsOptions } from "./metrics.ts";
export { metricRegistry } from "./registry.ts";
