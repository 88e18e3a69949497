// Passes the accumulated values to OpenTelemetry's exporter for Prometheus.

import type { HrTime } from "@opentelemetry/api";
import { ValueType } from "@opentelemetry/api";
import { emptyResource } from "@opentelemetry/resources";
import { AggregationTemporality, DataPointType } from "@opentelemetry/sdk-metrics";
import type { MetricData, MetricProducer } from "@opentelemetry/sdk-metrics";
import type { Accumulator, Series } from "./accumulators.ts";

/** @returns the accumulated metrics at each scrape. Metrics without values are missing. */
export function metricProducer(accumulators: ReadonlyMap<string, Accumulator>): MetricProducer {
  return {
    collect: async () => {
      const reported = [...accumulators].filter(([, { series }]) => series.length > 0);
      const endTime = hrTime(new Date());
      const metrics = reported.map(([name, accumulator]) => metricData(name, accumulator, endTime));
      // The exporter uses the resource of its own metrics.
      return {
        resourceMetrics: { resource: emptyResource(), scopeMetrics: [{ scope, metrics }] },
        errors: [],
      };
    },
  };
}

const scope = { name: "slipway" };

function metricData(name: string, { definition, bounds, series }: Accumulator, endTime: HrTime): MetricData {
  const { description, unit, kind } = definition;
  const common = {
    descriptor: { name, description, unit: unit ?? "", valueType: ValueType.DOUBLE },
    aggregationTemporality: AggregationTemporality.CUMULATIVE,
  };
  const points = <Value>(valueOf: (series: Series) => Value) =>
    series.map((each) => ({
      startTime: hrTime(each.since),
      endTime,
      attributes: each.attributes,
      value: valueOf(each),
    }));
  if (kind === "histogram") {
    const boundaries = [...bounds];
    const dataPoints = points(({ sum, count, counts }) => ({
      buckets: { boundaries, counts: [...counts] },
      sum,
      count,
    }));
    return { ...common, dataPointType: DataPointType.HISTOGRAM, dataPoints };
  }
  const isMonotonic = kind === "counter";
  return { ...common, dataPointType: DataPointType.SUM, isMonotonic, dataPoints: points(({ sum }) => sum) };
}

function hrTime(at: Date): HrTime {
  const ms = at.getTime();
  return [Math.trunc(ms / 1e3), (ms % 1e3) * 1e6];
}
