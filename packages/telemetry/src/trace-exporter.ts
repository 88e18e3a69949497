// Sends spans to a collector by OTLP over HTTP, in batches.

import {
  convertLegacyHttpOptions,
  createOtlpHttpExportDelegate,
} from "@opentelemetry/otlp-exporter-base/node-http";
import { ATTR_SERVICE_INSTANCE_ID, ATTR_SERVICE_NAME } from "@opentelemetry/semantic-conventions";
import { otlpJson } from "./otlp-json.ts";
import { SpanBatches } from "./span-batches.ts";
import { openSpans } from "./spans.ts";
import type { SpanRecord } from "./spans.ts";
import type { TraceOptions } from "./traces.ts";

/** Time limit for sending a batch, including retries. A stopping process waits this long for its last batches. */
const exportLimitMs = 5_000;
const batchLimits = { delayMs: 5_000, maxSpans: 1_024, maxQueuedSpans: 4_096 };

/** Exports the spans of this process until the result is disposed of. */
export function openExporter(
  options: TraceOptions & { readonly collector: NonNullable<TraceOptions["collector"]> },
): AsyncDisposable {
  const batches = new SpanBatches({ ...batchLimits, send: sender(options) });
  const spans = openSpans((span) => batches.add(span));
  return {
    [Symbol.asyncDispose]: () => {
      spans[Symbol.dispose]();
      return batches[Symbol.asyncDispose]();
    },
  };
}

/** OpenTelemetry's transport, which also reads its standard variables, for example for certificates. */
function sender({
  collector,
  process,
  instance,
  onError,
}: Parameters<typeof openExporter>[0]): (spans: readonly SpanRecord[]) => Promise<void> {
  const resource = { [ATTR_SERVICE_NAME]: `slipway-${process}`, [ATTR_SERVICE_INSTANCE_ID]: instance };
  const encoder = new TextEncoder();
  const serializer = {
    serializeRequest: (spans: readonly SpanRecord[]) => encoder.encode(otlpJson(spans, resource)),
    deserializeResponse: () => ({}),
  };
  const http = convertLegacyHttpOptions(
    { ...collector, timeoutMillis: exportLimitMs },
    "TRACES",
    "v1/traces",
    {
      "Content-Type": "application/json",
    },
  );
  const counter = { name: "span" as const, countItems: (spans: readonly SpanRecord[]) => spans.length };
  const delegate = createOtlpHttpExportDelegate(
    http,
    serializer,
    "otlp_http_span_exporter",
    counter,
    undefined,
  );
  return (spans) =>
    new Promise((resolve) => {
      const end = (error: unknown): void => {
        if (error !== undefined) onError(error);
        resolve();
      };
      try {
        delegate.export(spans, ({ error }) => end(error));
      } catch (error) {
        // The serializer failed: the next batch is sent nevertheless.
        end(error);
      }
    });
}
