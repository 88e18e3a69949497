// Spans in the form that collectors receive: OTLP in JSON. Own code, because OpenTelemetry's serializer builds several objects for each span
// first, which takes several times as long as all else that a span costs.

import { SpanKind, SpanStatusCode } from "@opentelemetry/api";
import type { SpanRecord } from "./spans.ts";

type Attributes = SpanRecord["attributes"];

/** In OTLP the numbers of kinds begin at 1: 0 is "unspecified". */
const kinds = {
  server: SpanKind.SERVER + 1,
  client: SpanKind.CLIENT + 1,
  internal: SpanKind.INTERNAL + 1,
} as const;

/** W3C's flag "sampled", and OTLP's flag that it is known whether the parent is remote. */
const flags = 0x101;

/** The text before the value of an attribute, by its name. Names are constants of the code, so they are few. */
const beginnings = new Map<string, string>();

/** What JSON escapes, and all that is not ASCII. */
const escaped = /[^ !#-[\]-~]/;

/** @param resource attributes of the process that sends them. @returns the body of a request. */
export function otlpJson(spans: readonly SpanRecord[], resource: Attributes): string {
  const process = `{"attributes":[${attributesJson(resource)}]}`;
  // Joined, because V8 takes twice as long for one long concatenation.
  const list = spans.map(spanJson).join(",");
  return `{"resourceSpans":[{"resource":${process},"scopeSpans":[{"scope":{"name":"slipway"},"spans":[${list}]}]}]}`;
}

function spanJson(span: SpanRecord): string {
  const { parentSpanId, failure } = span;
  const startedAt = span.startedAt.getTime();
  // Clocks may be set back meanwhile.
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

/** Most strings are quoted as they are, which takes less than JSON's function. */
function quoted(text: string): string {
  return escaped.test(text) ? JSON.stringify(text) : `"${text}"`;
}
