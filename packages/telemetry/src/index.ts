// Metrics and traces: the registry of all metrics, the functions that report to them, the endpoint that Prometheus scrapes, and the
// spans of deployments, which an OpenTelemetry collector receives.

export type { MetricDefinition } from "./definition.ts";
export { measured, measuredStore } from "./dependency-calls.ts";
export type { Dependency } from "./dependency-calls.ts";
export { change, count, isMeasured, observe, record } from "./instruments.ts";
export { metricsOptions, openMetrics } from "./metrics.ts";
export type { Metrics, MetricsOptions } from "./metrics.ts";
export { observeAtIntervals } from "./observe-at-intervals.ts";
export { metricRegistry } from "./registry.ts";
export { traceEnds, tracePhase } from "./deployment-trace.ts";
export { isTraced, reportSpan } from "./spans.ts";
export { openTraces, traceOptions } from "./traces.ts";
export { deploymentIds, randomSpanId, traceIdOf } from "./trace-ids.ts";
