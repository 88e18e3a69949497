// Creates the OpenTelemetry meter of a process, and the text for a scrape. Loaded only by processes with metrics, because the
// libraries take megabytes of memory.

import type { Meter } from "@opentelemetry/api";
import { PrometheusExporter, PrometheusSerializer } from "@opentelemetry/exporter-prometheus";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { MeterProvider } from "@opentelemetry/sdk-metrics";
import { ATTR_SERVICE_INSTANCE_ID, ATTR_SERVICE_NAME } from "@opentelemetry/semantic-conventions";
import type { Accumulator } from "./accumulators.ts";
import { metricProducer } from "./metric-producer.ts";
import type { MetricsOptions } from "./metrics.ts";

export interface OpenMeter extends AsyncDisposable {
  readonly meter: Meter;
  /** The values of all metrics, in the text format of Prometheus. */
  readonly scrape: () => Promise<string>;
}

/** Starts to collect metrics. @param accumulators further metrics of the scrape in addition to the meter's, by name. */
export function openMeter(
  { process, instance, onError }: Omit<MetricsOptions, "address">,
  accumulators: ReadonlyMap<string, Accumulator>,
): OpenMeter {
  const metricProducers = [metricProducer(accumulators)];
  const reader = new PrometheusExporter({ preventServerStart: true, metricProducers });
  const resource = resourceFromAttributes({
    [ATTR_SERVICE_NAME]: `slipway-${process}`,
    [ATTR_SERVICE_INSTANCE_ID]: instance,
  });
  const provider = new MeterProvider({ resource, readers: [reader] });
  const serializer = new PrometheusSerializer(undefined, false, undefined, false, true);
  return {
    meter: provider.getMeter("slipway"),
    scrape: async () => {
      const { resourceMetrics, errors } = await reader.collect();
      for (const error of errors) onError(error);
      return serializer.serialize(resourceMetrics);
    },
    [Symbol.asyncDispose]: () => provider.shutdown(),
  };
}
