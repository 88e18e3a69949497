import { describe, expect, test } from "vitest";
import { dependenciesTime, sourceTime } from "./former-image.ts";

const createdAt = new Date("2026-11-28T12:00:00Z");
const newest = new Date("2026-11-28T11:00:00Z");
const seconds = (date: Date) => date.getTime() / 1000;
const former = { inputs: "a", sourceTime: seconds(newest), appDiffId: "sha256:1", changedDependencies: null };

describe("the time of an app's files", () => {
  test("the time of an app's files is at most a minute before that of the newest file", () => {
    const time = sourceTime("a", { newest, createdAt }, null);
    expect(time).toBeLessThanOrEqual(seconds(newest));
    expect(time).toBeGreaterThan(seconds(newest) - 60);
  });

  test("the time of an app's files is the same for the same inputs, even when the archive has other times", () => {
    const later = new Date("2026-11-28T11:30:00Z");
    expect(sourceTime("a", { newest: later, createdAt }, former)).toBe(former.sourceTime);
  });

  test("the time of an app's files is the same for inputs that were deployed before others", () => {
    const first = sourceTime("a", { newest, createdAt }, null);
    const second = sourceTime("b", { newest, createdAt }, { ...former, sourceTime: first });
    expect(second).not.toBe(first);
    expect(sourceTime("a", { newest, createdAt }, { ...former, inputs: "b", sourceTime: second })).toBe(
      first,
    );
  });

  test("the time of an app's files changes with the inputs when all archives have one constant time", () => {
    let before = sourceTime("0", { newest, createdAt }, null);
    for (let index = 1; index < 1000; index += 1) {
      const image = {
        inputs: String(index - 1),
        sourceTime: before,
        appDiffId: "sha256:1",
        changedDependencies: null,
      };
      const time = sourceTime(String(index), { newest, createdAt }, image);
      expect(time).not.toBe(before);
      before = time;
    }
  });

  test("the time of an app's files is never later than the deployment", () => {
    const future = new Date("2040-01-01T00:00:00Z");
    expect(sourceTime("a", { newest: future, createdAt }, null)).toBeLessThanOrEqual(seconds(createdAt));
  });

  test("the time of an app's files is never before 1980", () => {
    expect(sourceTime("a", { newest: new Date(0), createdAt }, null)).toBeGreaterThan(
      seconds(new Date("1980-01-01T00:00:00Z")),
    );
  });
});

test("dependencies with other keys have other times, in the past", () => {
  const times = Array.from({ length: 1000 }, (_, index) => dependenciesTime(`key ${index}`));
  expect(new Set(times).size).toBe(1000);
  expect(Math.max(...times)).toBeLessThan(seconds(createdAt));
  expect(dependenciesTime("key 1")).toBe(times[1]);
});
