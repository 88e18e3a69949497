import { describe, expect, it } from "vitest";
import { medianInterval } from "./median-interval.ts";

describe("medianInterval", () => {
  it("medianInterval has the median of an odd and of an even number of values", () => {
    expect(medianInterval([3, 1, 2]).median).toBe(2);
    expect(medianInterval([4, 1, 3, 2]).median).toBe(2.5);
  });

  it("medianInterval bounds the median by the ranks of the sign test", () => {
    // The 40th and the 61st of 100 values bound the median with a probability of 95 %.
    const values = Array.from({ length: 100 }, (_, index) => ((index * 37) % 100) + 1);
    expect(medianInterval(values)).toEqual({ median: 50.5, low: 40, high: 61 });
  });

  it("medianInterval spans all values when they are few", () => {
    expect(medianInterval([1.2, 0.9, 1])).toEqual({ median: 1, low: 0.9, high: 1.2 });
    expect(medianInterval([7])).toEqual({ median: 7, low: 7, high: 7 });
  });

  it("medianInterval contains the true median in about 95 of 100 samples", () => {
    let contained = 0;
    for (let sample = 0; sample < 400; sample += 1) {
      const values = Array.from({ length: 61 }, (_, index) => scattered(sample * 61 + index));
      const { low, high } = medianInterval(values);
      if (low <= 0.5 && 0.5 <= high) contained += 1;
    }
    expect(contained / 400).toBeGreaterThan(0.93);
    expect(contained / 400).toBeLessThan(0.99);
  });

  it("medianInterval rejects an empty list", () => {
    expect(() => medianInterval([])).toThrow("at least one value");
  });
});

/** A repeatable number between 0 and 1, evenly distributed. */
function scattered(index: number): number {
  let bits = Math.imul(index + 1, 0x9e3779b1);
  bits = Math.imul(bits ^ (bits >>> 15), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return ((bits ^ (bits >>> 16)) >>> 0) / 2 ** 32;
}
