import { expect, test } from "vitest";
import { Accumulator } from "./accumulators.ts";
import type { MetricDefinition } from "./definition.ts";

const definition = { unit: null, description: "", processes: ["worker"] } as const;
const counter: MetricDefinition = { ...definition, kind: "counter", attributes: { method: "", status: "" } };
const histogram: MetricDefinition = { ...definition, kind: "histogram", attributes: {}, buckets: [1, 10] };

test("values with the same attributes are one series, in whatever order the attributes are given", () => {
  const accumulator = new Accumulator(counter);
  accumulator.add(1, { method: "GET", status: "200" });
  accumulator.add(2, { status: "200", method: "GET" });
  accumulator.add(4, { method: "GET", status: "404" });
  accumulator.add(8, { method: "200", status: "GET" });
  expect(accumulator.series.map(({ attributes, sum }) => [attributes, sum])).toEqual([
    [{ method: "GET", status: "200" }, 3],
    [{ method: "GET", status: "404" }, 4],
    [{ method: "200", status: "GET" }, 8],
  ]);
});

test("a later change of the reported attributes does not change the series", () => {
  const accumulator = new Accumulator(counter);
  const attributes = { method: "GET", status: "200" };
  accumulator.add(1, attributes);
  attributes.status = "500";
  expect(accumulator.series[0]?.attributes).toEqual({ method: "GET", status: "200" });
});

test("a histogram counts a value in the first bucket whose bound it does not exceed", () => {
  const accumulator = new Accumulator(histogram);
  for (const value of [0, 1, Number.NaN, 1.5, 10, 11, 12]) accumulator.add(value, {});
  expect(accumulator.series).toMatchObject([{ sum: 35.5, count: 6, counts: [2, 2, 2] }]);
});

test("beyond 2,000 combinations of attributes all further ones share a series", () => {
  const accumulator = new Accumulator(counter);
  for (let index = 0; index < 3_000; index += 1) accumulator.add(1, { method: "GET", status: String(index) });
  accumulator.add(5, { method: "GET", status: "7" });
  const { series } = accumulator;
  expect(series).toHaveLength(2_001);
  expect(series[7]?.sum).toBe(6);
  expect(series[2_000]).toMatchObject({ attributes: { otel_metric_overflow: "true" }, sum: 1_000 });
});
