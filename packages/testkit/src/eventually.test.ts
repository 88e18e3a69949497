import { expect, test } from "vitest";
import { eventually } from "./eventually.ts";

/** Long enough for the reserve at the end of the test. */
const timeout = 4_000;

test("eventually returns the first result that is neither undefined nor false", async () => {
  const results = [undefined, false, 0, 1];
  expect(await eventually(async () => results.shift())).toBe(0);
});

test("eventually ends with the error of the probe", async () => {
  const failing = () => eventually(() => Promise.reject(new Error("broken")));
  await expect(failing()).rejects.toThrow("broken");
});

test(
  "a condition that is not met ends before the test's limit, so that resources are disposed of, and names its place and the last result",
  async () => {
    const disposed: string[] = [];
    const body = async () => {
      await using _ = { [Symbol.asyncDispose]: async () => void disposed.push("resource") };
      await eventually(async () => disposed.length > 0);
    };
    await expect(body()).rejects.toMatchObject({
      message:
        "waited until the end of the test for async () => disposed.length > 0: its last call returned false",
      stack: expect.stringMatching(/^Error: waited until .*\n +at body \(.*eventually\.test\.ts/),
    });
    expect(disposed).toEqual(["resource"]);
  },
  timeout,
);

test(
  "a probe that hangs ends before the test's limit too",
  async () => {
    await expect(eventually(() => new Promise<never>(() => undefined))).rejects.toThrow(
      "its only call has not returned",
    );
  },
  timeout,
);
