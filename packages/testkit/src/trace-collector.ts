// A collector of traces: an HTTP server that keeps the spans that it receives by OTLP (JSON).

import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { json } from "node:stream/consumers";

export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** Absent for the first span of a trace. */
  readonly parentSpanId?: string;
  readonly name: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly status: { readonly code: number; readonly message?: string };
  /** Values by name. */
  readonly attributes: Readonly<Record<string, unknown>>;
  /** Name of the process that sent it. */
  readonly service: string;
}

export interface TraceCollector extends AsyncDisposable {
  /** The value of OTEL_EXPORTER_OTLP_ENDPOINT. */
  readonly url: string;
  /** The received spans, oldest first. */
  readonly spans: ReceivedSpan[];
  /** The headers of each request. */
  readonly headers: IncomingHttpHeaders[];
  /** Resolves when the spans received so far satisfy the condition. */
  until(condition: (spans: readonly ReceivedSpan[]) => boolean): Promise<void>;
}

type Value = Readonly<Record<string, unknown>>;
type Attributes = readonly { readonly key: string; readonly value: Value }[];
interface Batch {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: Attributes };
    readonly scopeSpans: readonly {
      readonly spans: readonly (Omit<ReceivedSpan, "attributes" | "service"> & {
        readonly attributes: Attributes;
      })[];
    }[];
  }[];
}

/** `GET /traces/ID` returns the received spans of a trace. @param status of the response to every batch. */
export async function startTraceCollector({ status = 200 } = {}): Promise<TraceCollector> {
  const spans: ReceivedSpan[] = [];
  const headers: IncomingHttpHeaders[] = [];
  const waiting = new Set<() => void>();
  const server = createServer((request, response) => {
    const path = request.url ?? "";
    if (request.method === "GET") {
      const found = spans.filter(({ traceId }) => path === `/traces/${traceId}`);
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(found));
      return;
    }
    headers.push(request.headers);
    const received = async () => {
      if (path === "/v1/traces") spans.push(...spansOf(await readBatch(request)));
      response.writeHead(status, { "content-type": "application/json" }).end("{}");
      for (const check of waiting) check();
    };
    received().catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  return {
    url: `http://127.0.0.1:${port}`,
    spans,
    headers,
    until: (condition) =>
      new Promise((resolve) => {
        const check = () => {
          if (!condition(spans)) return;
          waiting.delete(check);
          resolve();
        };
        waiting.add(check);
        check();
      }),
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

async function readBatch(request: IncomingMessage): Promise<Batch> {
  return (await json(request)) as Batch;
}

function spansOf({ resourceSpans }: Batch): ReceivedSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap((scope) =>
      scope.spans.map((span) => ({
        ...span,
        attributes: valuesOf(span.attributes),
        service: String(valuesOf(resource.attributes)["service.name"]),
      })),
    ),
  );
}

/** A value is an object with one property, whose name is its type. */
function valuesOf(attributes: Attributes): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
}
