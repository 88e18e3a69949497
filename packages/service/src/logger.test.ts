import { expect, test } from "vitest";
import { createLogger } from "./logger.ts";

/** As ioredis makes them. */
function failedCommand(): Error {
  const command = { name: "hello", args: ["3", "AUTH", "default", "very-secret"] };
  return Object.assign(new Error("WRONGPASS invalid username-password pair"), { command });
}

test.each([
  ["by itself", failedCommand()],
  ["among others", new AggregateError([failedCommand()], "all failed")],
  ["within another", Object.assign(new Error("cannot connect"), { lastNodeError: failedCommand() })],
  ["as a cause", new Error("cannot connect", { cause: failedCommand() })],
])("a Redis command that failed is logged without its arguments, %s", (_where, err) => {
  const lines: string[] = [];
  const destination = { write: (line: string) => void lines.push(line) };
  createLogger({ name: "test", destination }).warn({ err }, "trouble");
  expect(lines.join()).toContain("WRONGPASS");
  expect(lines.join()).not.toContain("very-secret");
});

test("what else an error carries is logged", () => {
  const lines: string[] = [];
  const destination = { write: (line: string) => void lines.push(line) };
  const err = Object.assign(failedCommand(), { code: "ERR", command: { name: "get", args: ["key"] } });
  createLogger({ name: "test", destination }).warn({ err }, "trouble");
  expect(JSON.parse(lines.join())).toMatchObject({
    err: { type: "Error", code: "ERR", command: { name: "get" } },
  });
});
