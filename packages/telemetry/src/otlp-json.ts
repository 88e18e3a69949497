// Spans in the format of collectors: OTLP in JSON. Own code, because OpenTelemetry's serializer first builds several objects per span,
// which takes several times as long as all other work for a span.

import { SpanKind, SpanStatusCode } from "@opentelemetry/api";
import type { SpanRecord } from "./spans.ts";

type Attributes = SpanRecord["attributes"];

/** Kinds in OTLP are numbered from 1, because 0 is "unspecified". */
const kinds = {
  server: SpanKind.SERVER + 1,
  client: SpanKind.CLIENT + 1,
  internal: SpanKind.INTERNAL + 1,
} as const;

/** W3C's flag "sampled", and OTLP's flag that it is known whether the parent is remote. */
const flags = 0x101;

/** The text before an attribute's value, by the attribute's name. Names are constants in the code, so they are few. */
const beginnings = new Map<string, string>();

/** Characters that JSON escapes, and all non-ASCII characters. */
const escaped = /[^ !#-[\]-~]/;

/** @param resource attributes of the sending process. @returns the body of a request. */
export function otlpJson(spans: readonly SpanRecord[], resource: Attributes): string {
  const process = `{"attributes":[${attributesJson(resource)}]}`;
  // Joined, because one long concatenation takes V8 twice as long.
  const list = spans.map(spanJson).join(",");
  return `{"resourceSpans":[{"resource":${process},"scopeSpans":[{"scope":{"name":"slipway"},"spans":[${list}]}]}]}`;
}

function spanJson(span: SpanRecord): string {
  const { parentSpanId, failure } = span;
  const startedAt = span.startedAt.getTime();
  // A clock may have been set back between the two times.
  const finishedAt = Math.max(startedAt, span.finishedAt.getTime());
  const parent = parentSpanId === null ? "" : `"parentSpanId":"${parentSpanId}",`;
  const status =
    failure === null
      ? `{"code":${SpanStatusCode.UNSET}}`
      : `{"code":${SpanStatusCode.ERROR},"message":${quoted(failure)}}`;
  return (
    `{"traceId":"${span.traceId}","spanId":"${span.spanId}",${parent}"flags":${flags},` +
    `"name":${quoted(span.name)},"kind":${kinds[span.kind]},` +
    `"startTimeUnixNano":"${startedAt}000000","endTimeUnixNano":"${finishedAt}000000",` +
    `"attributes":[${attributesJson(span.attributes)}],"status":${status}}`
  );
}

function attributesJson(attributes: Attributes): string {
  let list = "";
  for (const name in attributes) {
    const value = attributes[name];
    if (value !== undefined) list += `${list === "" ? "" : ","}${beginning(name)}${valueJson(value)}}`;
  }
  return list;
}

function beginning(name: string): string {
  let text = beginnings.get(name);
  if (text === undefined) beginnings.set(name, (text = `{"key":${JSON.stringify(name)},"value":`));
  return text;
}

function valueJson(value: Attributes[string]): string {
  if (typeof value === "string") return `{"stringValue":${quoted(value)}}`;
  if (typeof value === "boolean") return `{"boolValue":${value}}`;
  if (typeof value !== "number") return `{"arrayValue":{"values":[${value.map(valueJson).join(",")}]}}`;
  return Number.isInteger(value) ? `{"intValue":${value}}` : `{"doubleValue":${JSON.stringify(value)}}`;
}

/** Most strings need no escapes, and quoting them directly is faster than JSON.stringify. */
function quoted(text: string): string {
  return escaped.test(text) ? JSON.stringify(text) : `"${text}"`;
}
