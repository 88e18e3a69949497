// The functions that report spans. While no traces are open, every function returns at once.

import { AsyncLocalStorage } from "node:async_hooks";
import { SlipwayError } from "@slipway/core";
import { randomSpanId } from "./trace-ids.ts";

/** One finished span of a trace. */
export interface SpanRecord {
  readonly traceId: string;
  readonly spanId: string;
  /** Null for the first span of a trace. */
  readonly parentSpanId: string | null;
  readonly name: string;
  /** "server": a request to this process; "client": a call of another service; "internal": anything else. */
  readonly kind: "server" | "client" | "internal";
  readonly startedAt: Date;
  readonly finishedAt: Date;
  /** Why it failed, without secrets; null when it did not fail. */
  readonly failure: string | null;
  readonly attributes: Readonly<Record<string, string | number | boolean | readonly string[]>>;
}

/** The span to which calls belong. */
export type SpanParent = Pick<SpanRecord, "traceId" | "spanId">;

interface Scope {
  readonly parent: SpanParent;
  /** Number of calls with spans so far, by service. */
  readonly calls: Map<string, number>;
}

/** Maximum number of call spans per phase and service: a phase may poll for many minutes, or write a long log. */
const maxCallsPerService = 200;

const scopes = new AsyncLocalStorage<Scope>();
let report: ((span: SpanRecord) => void) | null = null;

/**
 * Passes on spans until the result is disposed of.
 * @throws {SlipwayError} "internal" while the process has open traces.
 */
export function openSpans(onSpan: (span: SpanRecord) => void): Disposable {
  if (report !== null) throw new SlipwayError("internal", "the traces of this process are open already");
  report = onSpan;
  return {
    [Symbol.dispose]: () => {
      report = null;
    },
  };
}

/** Whether traces are open. */
export function isTraced(): boolean {
  return report !== null;
}

/** Exports a finished span. */
export function reportSpan(span: SpanRecord): void {
  report?.(span);
}

/** Runs `work`; its service calls become children of the span. */
export function withinSpan<T>(parent: () => SpanParent, work: () => T): T {
  if (report === null) return work();
  return scopes.run({ parent: parent(), calls: new Map() }, work);
}

/** @returns a function that ends the span of a call, with its failure or null; null when the call has no span. */
export function beginCall(service: string, action: string): ((failure: string | null) => void) | null {
  if (report === null) return null;
  const scope = scopes.getStore();
  if (scope === undefined) return null;
  const earlier = scope.calls.get(service) ?? 0;
  if (earlier === maxCallsPerService) return null;
  scope.calls.set(service, earlier + 1);
  const name = `${service}: ${action}`;
  const { traceId, spanId: parentSpanId } = scope.parent;
  const startedAt = new Date();
  return (failure) => {
    const ids = { traceId, spanId: randomSpanId(), parentSpanId };
    reportSpan({ ...ids, name, kind: "client", startedAt, finishedAt: new Date(), failure, attributes: {} });
  };
}
