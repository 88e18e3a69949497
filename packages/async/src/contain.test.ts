import { EventEmitter } from "node:events";
import { expect, test } from "vitest";
import { contain } from "./contain.ts";

test.each([
  ["throws", () => JSON.parse("{")],
  ["rejects", async () => JSON.parse("{")],
])("a handler that %s is reported with its arguments, and the others are called", async (_how, fail) => {
  const reported = Promise.withResolvers<unknown[]>();
  const called: unknown[] = [];
  const emitter = new EventEmitter();
  emitter.on(
    "event",
    contain(fail, (...report) => reported.resolve(report)),
  );
  emitter.on("event", (...args) => called.push(args));
  emitter.emit("event", 1, "two");
  expect(await reported.promise).toEqual([expect.any(SyntaxError), 1, "two"]);
  expect(called).toEqual([[1, "two"]]);
});

test("a handler that succeeds is not reported", async () => {
  const reports: unknown[] = [];
  const done = Promise.withResolvers<string>();
  const handler = contain(
    async (text: string) => done.resolve(text),
    (error) => reports.push(error),
  );
  handler("done");
  expect(await done.promise).toBe("done");
  expect(reports).toEqual([]);
});
