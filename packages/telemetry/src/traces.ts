// Sends the spans of a process to a collector, if one is configured. OpenTelemetry is loaded only then: it takes megabytes of memory.

import type { Logger, TraceCollector } from "@slipway/service";
import type { ProcessName } from "./definition.ts";
import { processOptions } from "./process-options.ts";
import type { ProcessOptions } from "./process-options.ts";

export interface TraceOptions extends ProcessOptions {
  /** Null disables traces. */
  readonly collector: TraceCollector | null;
}

/** @returns the options of a process, from its configuration. */
export function traceOptions(
  config: { readonly traces: TraceCollector | null; readonly log: { readonly name: string } },
  process: ProcessName,
  logger: Logger,
): TraceOptions {
  const failure = "cannot send traces to the collector; spans are missing there";
  return { ...processOptions(config, process, logger, failure), collector: config.traces };
}

/** Exports the spans of this process until the result is disposed of, which sends the last batch. */
export async function openTraces(options: TraceOptions): Promise<AsyncDisposable> {
  const { collector, ...rest } = options;
  if (collector === null) return { [Symbol.asyncDispose]: async () => undefined };
  const { openExporter } = await import("./trace-exporter.ts");
  return openExporter({ ...rest, collector });
}
