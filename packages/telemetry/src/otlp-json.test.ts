import { expect, test } from "vitest";
import { otlpJson } from "./otlp-json.ts";
import type { SpanRecord } from "./spans.ts";

const span: SpanRecord = {
  traceId: "0af7651916cd43dd8448eb211c80319c",
  spanId: "b7ad6b7169203331",
  parentSpanId: null,
  name: "deployment",
  kind: "internal",
  startedAt: new Date("2026-01-02T03:04:05.067Z"),
  finishedAt: new Date("2026-01-02T03:04:06.500Z"),
  failure: null,
  attributes: {},
};
const sentSpans = (spans: readonly SpanRecord[]) => {
  const { resourceSpans } = JSON.parse(otlpJson(spans, { "service.name": "slipway-api" })) as {
    resourceSpans: readonly { resource: unknown; scopeSpans: readonly { spans: readonly unknown[] }[] }[];
  };
  expect(resourceSpans).toMatchObject([
    {
      resource: { attributes: [{ key: "service.name", value: { stringValue: "slipway-api" } }] },
      scopeSpans: [{ scope: { name: "slipway" } }],
    },
  ]);
  return resourceSpans[0]?.scopeSpans[0]?.spans;
};

test("a span has its ids, times in nanoseconds, kind, status and flags as OTLP has them", () => {
  const call = { ...span, spanId: "00f067aa0ba902b7", parentSpanId: span.spanId, failure: "timed-out" };
  const common = {
    traceId: span.traceId,
    flags: 257,
    startTimeUnixNano: "1767323045067000000",
    endTimeUnixNano: "1767323046500000000",
    attributes: [],
  };
  expect(sentSpans([span, { ...call, kind: "client" }, { ...call, kind: "server", name: "POST" }])).toEqual([
    { ...common, spanId: span.spanId, name: "deployment", kind: 1, status: { code: 0 } },
    {
      ...common,
      spanId: call.spanId,
      parentSpanId: span.spanId,
      name: "deployment",
      kind: 3,
      status: { code: 2, message: "timed-out" },
    },
    {
      ...common,
      spanId: call.spanId,
      parentSpanId: span.spanId,
      name: "POST",
      kind: 2,
      status: { code: 2, message: "timed-out" },
    },
  ]);
});

test("attributes have the type of their values", () => {
  const attributes = { whole: 4, part: 0.5, yes: true, list: ["a", "b"], text: "x", empty: "" };
  expect(sentSpans([{ ...span, attributes }])).toMatchObject([
    {
      attributes: [
        { key: "whole", value: { intValue: 4 } },
        { key: "part", value: { doubleValue: 0.5 } },
        { key: "yes", value: { boolValue: true } },
        { key: "list", value: { arrayValue: { values: [{ stringValue: "a" }, { stringValue: "b" }] } } },
        { key: "text", value: { stringValue: "x" } },
        { key: "empty", value: { stringValue: "" } },
      ],
    },
  ]);
});

test.for(['say "hi"', "back\\slash", "two\nlines", "\u0000\u001f\u007f", "é, 日本, 🚢", "\ud800", "\u2028"])(
  "the text %j arrives as it is, wherever it stands",
  (text) => {
    const sent = sentSpans([
      { ...span, name: text, failure: text, attributes: { [text]: text, list: [text] } },
    ]);
    expect(sent).toMatchObject([
      {
        name: text,
        status: { message: text },
        attributes: [
          { key: text, value: { stringValue: text } },
          { value: { arrayValue: { values: [{ stringValue: text }] } } },
        ],
      },
    ]);
  },
);

test("a span whose clock was set back meanwhile takes no time", () => {
  const [sent] = sentSpans([{ ...span, finishedAt: new Date(0) }]) ?? [];
  expect(sent).toMatchObject({ endTimeUnixNano: "1767323045067000000" });
});
