// Sends spans to a collector by OTLP over HTTP, in batches.

import type { Attributes, HrTime, SpanContext, SpanStatus } from "@opentelemetry/api";
import { SpanKind, SpanStatusCode, TraceFlags } from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { resourceFromAttributes } from "@opentelemetry/resources";
import type { Resource } from "@opentelemetry/resources";
import { BatchSpanProcessor } from "@opentelemetry/sdk-trace";
import type { ReadableSpan, SpanExporter } from "@opentelemetry/sdk-trace";
import { ATTR_SERVICE_INSTANCE_ID, ATTR_SERVICE_NAME } from "@opentelemetry/semantic-conventions";
import { openSpans } from "./spans.ts";
import type { SpanRecord } from "./spans.ts";
import type { TraceOptions } from "./traces.ts";

/** How long sending a batch is retried. A process that stops waits as long for its last batch. */
const exportLimitMs = 5_000;
/** Spans that wait for the collector; further ones are dropped. */
const maxQueuedSpans = 4_096;

const kinds = { server: SpanKind.SERVER, client: SpanKind.CLIENT, internal: SpanKind.INTERNAL } as const;
const scope = { name: "slipway" };

/** Exports the spans of this process until the result is disposed. */
export function openExporter(
  options: TraceOptions & { readonly collector: NonNullable<TraceOptions["collector"]> },
): AsyncDisposable {
  const { collector, onError } = options;
  const exporter = reporting(new OTLPTraceExporter({ ...collector, timeoutMillis: exportLimitMs }), onError);
  // The exporter's limit is the shorter one: it reports each batch that it gives up.
  const limits = { exportTimeoutMillis: 2 * exportLimitMs, maxQueueSize: maxQueuedSpans };
  const processor = new BatchSpanProcessor({ exporter, ...limits });
  const resource = resourceFromAttributes({
    [ATTR_SERVICE_NAME]: `slipway-${options.process}`,
    [ATTR_SERVICE_INSTANCE_ID]: options.instance,
  });
  const spans = openSpans((span) => processor.onEnd(new ExportedSpan(span, resource)));
  return {
    [Symbol.asyncDispose]: async () => {
      spans[Symbol.dispose]();
      // The exporter has reported why the last batch was not sent.
      await processor.shutdown().catch(() => undefined);
    },
  };
}

/** The processor reports failures only to OpenTelemetry's own log, which Slipway does not use. */
function reporting(exporter: OTLPTraceExporter, onError: (error: unknown) => void): SpanExporter {
  return {
    export: (spans, done) =>
      exporter.export(spans, (result) => {
        if (result.error !== undefined) onError(result.error);
        done(result);
      }),
    forceFlush: () => exporter.forceFlush(),
    shutdown: () => exporter.shutdown(),
  };
}

/** A span in the form that exporters take, which is computed when it is exported: until then many spans wait in memory. */
class ExportedSpan implements ReadableSpan {
  readonly #span: SpanRecord;
  readonly resource: Resource;
  readonly parentSpanContext?: SpanContext;

  constructor(span: SpanRecord, resource: Resource) {
    this.#span = span;
    this.resource = resource;
    if (span.parentSpanId !== null) this.parentSpanContext = contextOf(span.traceId, span.parentSpanId);
  }

  get name(): string {
    return this.#span.name;
  }
  get kind(): SpanKind {
    return kinds[this.#span.kind];
  }
  get startTime(): HrTime {
    return hrTime(this.#span.startedAt.getTime());
  }
  get endTime(): HrTime {
    return hrTime(this.#span.startedAt.getTime() + this.#durationMs);
  }
  get duration(): HrTime {
    return hrTime(this.#durationMs);
  }
  get status(): SpanStatus {
    const { failure } = this.#span;
    return failure === null
      ? { code: SpanStatusCode.UNSET }
      : { code: SpanStatusCode.ERROR, message: failure };
  }
  get attributes(): Attributes {
    return this.#span.attributes as Attributes;
  }
  get ended(): boolean {
    return true;
  }
  get links(): [] {
    return [];
  }
  get events(): [] {
    return [];
  }
  get instrumentationScope(): { readonly name: string } {
    return scope;
  }
  get droppedAttributesCount(): number {
    return 0;
  }
  get droppedEventsCount(): number {
    return 0;
  }
  get droppedLinksCount(): number {
    return 0;
  }

  spanContext(): SpanContext {
    return contextOf(this.#span.traceId, this.#span.spanId);
  }

  /** Clocks may be set back meanwhile. */
  get #durationMs(): number {
    const { startedAt, finishedAt } = this.#span;
    return Math.max(0, finishedAt.getTime() - startedAt.getTime());
  }
}

function contextOf(traceId: string, spanId: string): SpanContext {
  return { traceId, spanId, traceFlags: TraceFlags.SAMPLED };
}

/** Seconds and nanoseconds. */
function hrTime(ms: number): HrTime {
  const seconds = Math.trunc(ms / 1e3);
  return [seconds, Math.round((ms - seconds * 1e3) * 1e6)];
}
